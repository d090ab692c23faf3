//! The URL of a file at a web seed.

use alloc::format;
use alloc::string::String;
use core::fmt::Write as _;

use crate::metainfo::Metainfo;

/// The URL of file number `file` at the web seed `base`. BEP 19: for a torrent with several files,
/// `base` is the folder that contains the torrent's folder. For a single file, `base` is the file
/// itself or, if it ends in a slash, the folder that contains it. `None` if the name of the file
/// cannot be part of a URL.
#[must_use]
pub fn file_url(base: &str, metainfo: &Metainfo, file: usize) -> Option<String> {
    // A query after the path belongs to the server and stays at the end.
    let end = base.find(['?', '#']).unwrap_or(base.len());
    let (path, query) = base.split_at(end);
    let query = query.split('#').next().unwrap_or_default();
    if !metainfo.layout.multi_file() && !path.ends_with('/') {
        return Some(format!("{path}{query}"));
    }
    let mut url = String::from(path.trim_end_matches('/'));
    for element in metainfo.raw_path(file)? {
        // No element may lead out of the folder.
        if matches!(&element[..], b"" | b"." | b"..") {
            return None;
        }
        url.push('/');
        encode(&element, &mut url);
    }
    url.push_str(query);
    Some(url)
}

/// RFC 3986, section 2.3: all but the unreserved characters as `%` and two digits.
fn encode(element: &[u8], out: &mut String) {
    for byte in element {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(*byte));
            }
            _ => write!(out, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
}
