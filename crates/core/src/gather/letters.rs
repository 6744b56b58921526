//! Which drive letter the machine gave to a volume of a disk image.

use iiskeys_evidence::{Dir, Volume, VolumeIdentity};

use crate::machine::facts::Facts;

/// Gives the volumes of a disk the letters that the machine itself used.
///
/// `SystemRoot` speaks for the volume with Windows, `MountedDevices` for the others. A disk that was cloned to another
/// place may have a new signature; its volumes then stay without a letter, which means that they may be any.
pub(super) fn assign(facts: &mut Facts, volumes: &mut [Volume], mounted: &[(char, VolumeIdentity)]) {
    let home =
        facts.os.system_root.value().and_then(|root| root.chars().next()).map(|c| c.to_ascii_uppercase());
    let mut taken = Vec::new();
    for (at, volume) in volumes.iter_mut().enumerate() {
        let Some(identity) = volume.layers.first().and_then(Dir::volume_identity) else { continue };
        if volume.letter.is_none() {
            let by_registry = mounted.iter().find(|(_, known)| *known == identity).map(|(letter, _)| *letter);
            let by_root = home.filter(|_| at == 0 && volume.windows.is_some());
            volume.letter = by_root.or(by_registry).filter(|letter| !taken.contains(letter));
        }
        if let Some(letter) = volume.letter {
            taken.push(letter);
            facts.letters.insert(volume.label().to_string(), letter);
        }
    }
}
