//! Stub.

use super::skim::{Format, Head, Skim};
use super::{Event, Source};

pub(super) fn is_evtx(_start: &[u8; 8], _source: &dyn Source) -> bool {
    false
}

pub(super) fn skim(_s: &dyn Source, _w: &dyn Fn(&Head<'_>) -> bool, _f: &mut dyn FnMut(Event)) -> Skim {
    Skim::new(Format::Evtx)
}
