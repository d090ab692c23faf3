//! `unchoke check`.

use std::sync::Arc;
use unchoke_core::text::counted;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::ids::PieceIndex;
use unchoke_core::metainfo::Metainfo;

use super::choosing::choose;
use super::options::Check;
use super::{Failure, read_torrent};
use crate::resume::{Loaded, Resume};
use crate::session::{Check as Progress, check as hash_all, file_entries};
use crate::storage::{Storage, Use};

/// Hashes the data and prints for each file how many of its pieces are good.
pub(super) fn check(options: &Check) -> Result<(), Failure> {
    let metainfo = read_torrent(&options.torrent)?;
    let choice = choose(&options.choosing, &metainfo, None)?;
    let entries = file_entries(&metainfo, &options.data, &choice);
    let storage = Storage::open_with(&options.data, entries, &options.suffix.keeping());
    let storage = storage.map_err(Failure::io)?;
    let storage = Arc::new(storage);
    let pieces = metainfo.geometry.piece_count();
    let (none, all) = (Bitfield::empty(pieces), Bitfield::full(pieces));
    let have = hash_all(&storage, &metainfo, none, all, &Progress::default());
    correct_resume_data(&storage, &metainfo, &have);
    let piece_bytes = u64::from(metainfo.geometry.piece_bytes());
    let mut flawed_files = 0;
    for (index, file) in storage.files().iter().enumerate() {
        if file.pad || file.wanted != Use::Whole {
            continue;
        }
        let start = storage.start(index);
        let pieces = start / piece_bytes..(start + file.length).div_ceil(piece_bytes);
        let all = pieces.end - pieces.start;
        let good = pieces.filter(|piece| {
            let piece = u32::try_from(*piece).expect("piece numbers are 32 bits");
            have.has(PieceIndex(piece))
        });
        let good = good.count() as u64;
        let found = storage.stamp(index).map(|stamp| stamp.length);
        let there = std::fs::metadata(storage.path(index));
        let state = match found {
            _ if there.is_ok_and(|it| !it.is_file()) => "not a regular file".to_owned(),
            None => "missing".to_owned(),
            Some(length) if length > file.length => {
                format!("{} too long", counted(length - file.length, "byte"))
            }
            Some(length) if length < file.length => {
                format!("{} too short", counted(file.length - length, "byte"))
            }
            Some(_) if file.length == 0 => "good".to_owned(),
            Some(_) if good == all => "good".to_owned(),
            Some(_) => format!("{good} of {} good", counted(all, "piece")),
        };
        flawed_files += u32::from(state != "good");
        say!("{}: {state}", file.path.display());
    }
    let all = Bitfield::full(metainfo.geometry.piece_count());
    let (good, all) = (choice.within(&have).count(), choice.within(&all).count());
    let pieces = counted(all.into(), "piece");
    say!("{good} of {} good", pieces.are());
    if good == all && flawed_files == 0 {
        Ok(())
    } else {
        Err(Failure::failed(format!(
            "{} of {pieces} and {} are missing or wrong in {}",
            all - good,
            counted(flawed_files.into(), "file"),
            options.data.display()
        )))
    }
}

/// Corrects the resume data: while it claims a bad piece, `download` does not fetch that piece
/// again.
fn correct_resume_data(storage: &Storage, metainfo: &Metainfo, have: &Bitfield) {
    let resume = Resume::new(
        storage.root(),
        metainfo.info_hash,
        metainfo.geometry.clone(),
    );
    let Loaded::Known(known) = resume.load(storage) else {
        return;
    };
    if known.good.iter().all(|piece| have.has(piece)) {
        return;
    }
    let saved = resume.correct(storage, &known, have);
    match saved {
        Ok(()) => warn!(
            "the resume data of an earlier download claimed pieces that are not good; it is corrected, \
             and `unchoke download` will fetch them"
        ),
        Err(error) => warn!(
            "the resume data of an earlier download claims pieces that are not good and cannot be \
             corrected ({error}); repair them with `unchoke download --recheck`"
        ),
    }
}
