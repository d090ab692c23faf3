//! The user's choice of files of a torrent.

use std::sync::Arc;

use unchoke_core::bitfield::Bitfield;
use unchoke_core::ids::PieceIndex;
use unchoke_core::metainfo::{FileKind, Metainfo};
use unchoke_core::wanted::{Priority, Wanted};

use crate::storage::Use;

/// Which files of a torrent are wanted, and with which priority. By default all are wanted.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    /// The use of each file, in the order of the torrent. Empty: all files are wanted with equal
    /// priority.
    files: Vec<Use>,
    wanted: Option<Arc<Wanted>>,
}

impl Choice {
    /// `priorities` has one entry for each file of the torrent, in the same order.
    #[must_use]
    pub fn new(metainfo: &Metainfo, priorities: &[Priority]) -> Self {
        let files = metainfo.layout.files();
        assert_eq!(files.len(), priorities.len(), "a priority for each file");
        let real = |it: &usize| files[*it].kind == FileKind::Regular;
        if (0..files.len())
            .filter(real)
            .all(|it| priorities[it] == Priority::Normal)
        {
            return Self::default();
        }
        let geometry = &metainfo.geometry;
        // Padding is never wanted for itself.
        let priority = |it: usize| {
            if real(&it) {
                priorities[it]
            } else {
                Priority::Skip
            }
        };
        let ranges = files.iter().enumerate().map(|(index, file)| {
            let bytes = file.offset..file.offset + file.length;
            (bytes, priority(index))
        });
        let wanted = Wanted::of_files(geometry, ranges);
        let shares = |index: usize| {
            let mut pieces = metainfo.pieces_of(index).map(PieceIndex);
            pieces.any(|it| wanted.pieces().has(it))
        };
        let uses = (0..files.len()).map(|it| match priority(it) {
            Priority::Skip if shares(it) => Use::Shared,
            Priority::Skip => Use::None,
            _ => Use::Whole,
        });
        Self {
            files: uses.collect(),
            wanted: Some(Arc::new(wanted)),
        }
    }

    /// The wanted pieces, for the core; `None` if all are wanted with equal priority.
    #[must_use]
    pub fn wanted(&self) -> Option<Arc<Wanted>> {
        self.wanted.clone()
    }

    /// The use of file number `file` on disk.
    #[must_use]
    pub fn use_of(&self, file: usize) -> Use {
        self.files.get(file).copied().unwrap_or_default()
    }

    /// The pieces of `set` that are wanted.
    #[must_use]
    pub fn within(&self, set: &Bitfield) -> Bitfield {
        match &self.wanted {
            None => set.clone(),
            Some(wanted) => set.both(wanted.pieces()),
        }
    }
}
