//! Expert Witness images, version 1: E01 of EnCase, FTK Imager, linen and ewfacquire, and S01 of SMART.
//!
//! Source of the format: "Expert Witness Compression Format specification" of the libewf project, checked against
//! images that ewfacquire, EnCase and FTK Imager wrote. Every checksum is checked: of section descriptors, tables and
//! chunks. Logical evidence (L01) and version 2 (Ex01, Lx01) are refused by name.

mod adler;
mod media;
mod name;
mod section;
mod table;
#[cfg(test)]
mod tests;
mod volume;

use std::sync::Arc;

use media::{Media, Placed};
use section::{End, Section, sections, segment_number};
use table::Table;
use volume::Volume;

use crate::error::DiskError;
use crate::fields::has;
use crate::image::{Context, Image, Part, StoredHashes};
use crate::read_at::ReadAt;

const EWF1: &[u8] = b"EVF\x09\x0d\x0a\xff\x00";
/// Notes of one kind that are kept.
const MAX_NOTES: usize = 32;

fn damaged(what: &'static str, offset: u64, expected: String, found: String) -> DiskError {
    DiskError::Damaged { format: "E01", what, offset, expected, found }
}

/// Whether the content is Expert Witness of the first version, with a whole disk in it.
pub(crate) fn recognises(head: &[u8], _source: &dyn ReadAt) -> bool {
    has(head, 0, EWF1)
}

/// Opens the image with all its segments.
pub(crate) fn open(source: Arc<dyn ReadAt>, context: &Context) -> Result<Image, DiskError> {
    check_mark(source.as_ref())?;
    let number = segment_number(source.as_ref())?;
    if number != 1 {
        return Err(DiskError::Unsupported {
            what: format!("segment {number} of an E01 image"),
            advice: "send the first segment (.E01), with the others beside it".into(),
        });
    }
    let mut reading = Reading::default();
    let mut parts = Vec::new();
    let mut name = context.name.clone();
    let mut segment = source;
    for number in 1..=u16::MAX {
        parts.push(Part {
            name: name.clone(),
            role: if number == 1 { "image" } else { "segment" },
            size: segment.len(),
        });
        if reading.segment(&segment, &name)? == End::Done {
            return reading.finish(context, parts);
        }
        let next = number + 1;
        let missing =
            |name: String| DiskError::MissingFile { role: "segment", name, id: format!("number {next}") };
        name = name::of_segment(&context.name, next).ok_or_else(|| missing(format!("segment {next}")))?;
        segment = context.siblings.open(&name)?.ok_or_else(|| missing(name.clone()))?;
        check_segment(segment.as_ref(), &name, next)?;
    }
    Err(damaged("segments", 0, "a last one".into(), "65535 and more".into()))
}

fn check_mark(source: &dyn ReadAt) -> Result<(), DiskError> {
    let mut head = [0; 13];
    source.read_exact_at(0, &mut head)?;
    if has(&head, 0, EWF1) {
        Ok(())
    } else {
        Err(damaged("mark", 0, format!("{EWF1:02x?}"), format!("{:02x?}", head.get(..8).unwrap_or_default())))
    }
}

fn check_segment(segment: &dyn ReadAt, name: &str, number: u16) -> Result<(), DiskError> {
    let wrong = |found: String| DiskError::WrongFile {
        role: "segment",
        name: name.to_owned(),
        expected: format!("number {number}"),
        found,
    };
    let mut mark = [0; 8];
    if segment.read_at(0, &mut mark)? < mark.len() || !has(&mark, 0, EWF1) {
        return Err(wrong("no E01 file".into()));
    }
    match segment_number(segment)? {
        found if found == number => Ok(()),
        found => Err(wrong(format!("number {found}"))),
    }
}

/// What is known after some segments.
#[derive(Default)]
struct Reading {
    segments: Vec<Arc<dyn ReadAt>>,
    volume: Option<Volume>,
    tables: Vec<Placed>,
    chunks: u64,
    hashes: StoredHashes,
    notes: Vec<String>,
}

impl Reading {
    fn note(&mut self, note: String) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(note);
        }
    }

    fn segment(&mut self, segment: &Arc<dyn ReadAt>, name: &str) -> Result<End, DiskError> {
        let (found, end) = sections(segment.as_ref())?;
        let mut boundaries: Vec<u64> = found.iter().map(|section| section.offset).collect();
        boundaries.extend(found.last().map(|section| section.end));
        // A damaged table counts only when its copy, which follows it, is damaged as well.
        let mut broken: Option<DiskError> = None;
        for section in &found {
            if section.kind != "table2"
                && let Some(error) = broken.take()
            {
                return Err(error);
            }
            match section.kind.as_str() {
                "volume" | "disk" | "data" => self.geometry(section, segment.as_ref(), name)?,
                "table" => match self.table(section, segment.as_ref(), &boundaries) {
                    Err(error @ DiskError::Damaged { .. }) => broken = Some(error),
                    other => other?,
                },
                "table2" => {
                    if let Some(error) = broken.take() {
                        if self.table(section, segment.as_ref(), &boundaries).is_err() {
                            return Err(error);
                        }
                        self.note(format!("{name}: a table is damaged, its copy was used ({error})"));
                    }
                }
                "hash" | "digest" | "error2" => self.extras(section, segment.as_ref(), name)?,
                "ltree" | "ltypes" => {
                    return Err(DiskError::Unsupported {
                        what: "logical evidence file (L01)".into(),
                        advice: "export it as E01 or as a raw image".into(),
                    });
                }
                // Case data, sessions of optical discs and what later programs add say nothing of the bytes.
                _ => {}
            }
        }
        if let Some(error) = broken {
            return Err(error);
        }
        self.segments.push(Arc::clone(segment));
        Ok(end)
    }

    fn geometry(&mut self, section: &Section, segment: &dyn ReadAt, name: &str) -> Result<(), DiskError> {
        let read = Volume::read(section, segment);
        let Some(known) = &self.volume else {
            self.volume = Some(read?);
            return Ok(());
        };
        match read {
            // The segment number is right and the set is another: segments of two images with the same name.
            Ok(volume) if !self.segments.is_empty() && differ(volume.set, known.set) => {
                return Err(DiskError::WrongFile {
                    role: "segment",
                    name: name.to_owned(),
                    expected: hex(known.set),
                    found: hex(volume.set),
                });
            }
            Ok(volume) if volume.agrees(known) => {}
            Ok(volume) => self.note(format!(
                "{name}: section `{}` says that the media has {} bytes in chunks of {}, the first one {} in chunks of {}",
                section.kind, volume.len, volume.chunk_size, known.len, known.chunk_size
            )),
            Err(error @ DiskError::Damaged { .. }) => {
                self.note(format!("{name}: a copy of the geometry is damaged ({error})"));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn table(
        &mut self,
        section: &Section,
        segment: &dyn ReadAt,
        boundaries: &[u64],
    ) -> Result<(), DiskError> {
        let Some(volume) = &self.volume else {
            return Err(DiskError::Unsupported {
                what: format!("E01 with a table at byte {} before the geometry of the media", section.offset),
                advice: "make the image again".into(),
            });
        };
        let table = Table::read(section, segment, boundaries, volume.is_smart)?;
        let first = self.chunks;
        self.chunks += table.len() as u64;
        if table.len() != 0 {
            self.tables.push(Placed { first, segment: self.segments.len(), table });
        }
        Ok(())
    }

    /// Sections whose loss costs no content.
    fn extras(&mut self, section: &Section, segment: &dyn ReadAt, name: &str) -> Result<(), DiskError> {
        let read = match section.kind.as_str() {
            "hash" => {
                volume::read_hash(section, segment).map(|md5| self.hashes.md5 = md5.or(self.hashes.md5))
            }
            "digest" => volume::read_digest(section, segment).map(|(md5, sha1)| {
                self.hashes.md5 = self.hashes.md5.or(md5);
                self.hashes.sha1 = self.hashes.sha1.or(sha1);
            }),
            _ => volume::read_errors(section, segment)
                .map(|errors| errors.into_iter().for_each(|e| self.note(e))),
        };
        match read {
            Err(error @ DiskError::Damaged { .. }) => {
                self.note(format!("{name}: section `{}` is damaged ({error})", section.kind));
                Ok(())
            }
            other => other,
        }
    }

    fn finish(mut self, context: &Context, parts: Vec<Part>) -> Result<Image, DiskError> {
        let Some(volume) = self.volume.take() else {
            return Err(damaged("sections", 13, "a section `volume` or `disk`".into(), "none".into()));
        };
        let needed = volume.chunks();
        if self.chunks < needed {
            self.note(format!(
                "only the first {} of {needed} chunks are in the image: the acquisition was not completed",
                self.chunks
            ));
        } else if self.chunks > needed {
            self.note(format!("{} chunks behind the end of the media are left out", self.chunks - needed));
        }
        let media = Media {
            segments: self.segments,
            tables: self.tables,
            chunk_size: volume.chunk_size,
            len: volume.len,
            owner: context.cache.owner(),
            cache: Arc::clone(&context.cache),
        };
        Ok(Image {
            data: Arc::new(media),
            format: if volume.is_smart { "S01" } else { "E01" }.into(),
            parts,
            hashes: self.hashes,
            notes: self.notes,
            sector_size: Some(volume.sector_size),
        })
    }
}

/// Programs that write no identifier of the set, or not everywhere, leave zeros.
fn differ(one: [u8; 16], other: [u8; 16]) -> bool {
    one != other && one != [0; 16] && other != [0; 16]
}

fn hex(bytes: [u8; 16]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
