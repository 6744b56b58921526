//! Skims an event log and prints what is in it: `skim_log FILE [PROVIDER ID]`, `skim_log --dump FILE` for the `evtx`
//! crate alone.
//!
//! Without a provider the events of service failures are wanted, with `all` every event.

use std::error::Error;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use iiskeys_core::artifact::event_log::{Head, Source, skim};

struct OnDisk(File, u64);

impl Source for OnDisk {
    fn len(&self) -> u64 {
        self.1
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        while let Some(rest) = buffer.get_mut(count..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset + count as u64)? {
                0 => break,
                more => count += more,
            }
        }
        Ok(count)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let start = Instant::now();
    match words.as_slice() {
        [flag, file] if flag == "--dump" => {
            let mut parser = evtx::EvtxParser::from_path(file)?;
            let (mut records, mut bytes) = (0_u64, 0);
            for record in parser.records_json() {
                bytes += record?.data.len();
                records += 1;
            }
            println!("{records} records, {bytes} bytes of JSON");
        }
        [file, rest @ ..] => {
            let file = File::open(file)?;
            let len = file.metadata()?.len();
            let (provider, id) = match rest {
                [provider, id] => (provider.clone(), id.parse()?),
                [all] if all == "all" => (String::new(), 0),
                _ => ("Service Control Manager".to_owned(), 7024),
            };
            let wanted =
                |head: &Head<'_>| provider.is_empty() || (head.provider == provider && head.id == id);
            let mut events = 0_u64;
            let skim = skim(&OnDisk(file, len), &wanted, &mut |_| events += 1)?;
            println!("{} records, {events} wanted, {} places of damage", skim.records, skim.damage.len());
        }
        [] => return Err("usage: skim_log FILE [PROVIDER ID | all], skim_log --dump FILE".into()),
    }
    eprintln!("{:.3} s", start.elapsed().as_secs_f64());
    Ok(())
}
