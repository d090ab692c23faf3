//! Symbolic links of a torrent.

use std::io;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use super::{Storage, inside};

/// A link to make, below the output folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// Path of the link.
    pub path: PathBuf,
    /// What it contains.
    pub leads_to: PathBuf,
}

impl Storage {
    /// Makes a symbolic link. Whatever has its name already stays as it is.
    pub(crate) fn link(&self, link: &NewLink) -> io::Result<()> {
        let (parent, name) = inside::split(&link.path)?;
        let folder = inside::folder(&self.root, parent, true)?;
        // The path in the link is relative: from another folder it would lead to another place.
        if folder != self.root.join(parent) {
            return Err(io::Error::other("its folder is itself a link"));
        }
        let place = folder.join(name);
        match symlink(&link.leads_to, place) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes these links. Returns a message for the user if some cannot be made.
    pub(crate) fn link_all(&self, links: &[NewLink]) -> Option<String> {
        let made = links
            .iter()
            .map(|it| self.link(it).map_err(|error| (it, error)));
        let failed: Vec<(&NewLink, io::Error)> = made.filter_map(Result::err).collect();
        let (first, error) = failed.first()?;
        let path = first.path.display();
        Some(match failed.len() {
            1 => format!("the symbolic link {path} cannot be made: {error}"),
            more => format!("{more} symbolic links cannot be made, the first is {path}: {error}"),
        })
    }
}
