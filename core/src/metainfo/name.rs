//! Makes path elements that are safe on disk, whatever the torrent says.
//!
//! No path can leave the download folder. Elements with a special meaning (`.`, `..`, the empty one
//! of an absolute path) are dropped, and so are separators within an element. Names that are
//! forbidden only on some systems (`:` or `con` on Windows) are kept, so that a folder made by
//! another client on the same system is found again.

use alloc::string::String;

use crate::bencode::Value;
use crate::text::{Class, class};

/// Longest element in bytes. File systems allow 255; the rest is reserved for suffixes.
pub(super) const MAX_NAME_BYTES: usize = 240;

/// Longest extension, with its dot, that is kept when a name is cut.
const MAX_EXTENSION_BYTES: usize = 20;

/// The elements of a path that are strings. BEP 3: "a zero length list is an error case".
pub(super) fn elements(path: Value<'_>) -> impl Iterator<Item = &[u8]> {
    let list = path.as_list().into_iter().flatten();
    list.filter_map(|it| it.as_bytes())
}

/// The safe form of an element; `None` if it has a special meaning.
pub(super) fn sanitise(element: &[u8]) -> Option<String> {
    if matches!(element, b"" | b"." | b"..") {
        return None;
    }
    let mut name = String::new();
    for chunk in element.utf8_chunks() {
        for c in chunk.valid().chars() {
            match class(c) {
                Class::Plain if matches!(c, '/' | '\\') => {}
                Class::Plain => name.push(c),
                Class::Control => name.push('_'),
                Class::Invisible => {}
            }
        }
        if !chunk.invalid().is_empty() {
            name.push('_');
        }
    }
    // Dropping characters may have produced a special name.
    if matches!(name.as_str(), "" | "." | "..") {
        name = "_".into();
    }
    shorten(&mut name);
    Some(name)
}

fn shorten(name: &mut String) {
    if name.len() <= MAX_NAME_BYTES {
        return;
    }
    let (_, extension) = split_extension(name);
    let extension = match extension.len() {
        0..=MAX_EXTENSION_BYTES => String::from(extension),
        _ => String::new(),
    };
    let mut keep = MAX_NAME_BYTES - extension.len();
    while !name.is_char_boundary(keep) {
        keep -= 1;
    }
    name.truncate(keep);
    name.push_str(&extension);
}

/// The name up to its last dot, and the rest. A leading dot does not start an extension.
pub(super) fn split_extension(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 => name.split_at(dot),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn elements_that_mean_a_place_are_dropped() {
        for place in ["", ".", ".."] {
            assert_eq!(sanitise(place.as_bytes()), None, "{place:?}");
        }
    }

    #[test]
    fn what_is_left_is_safe() {
        for (element, safe) in [
            (&b"plain name.txt"[..], "plain name.txt"),
            (b"...", "..."),
            (b"/", "_"),
            (b"/etc/passwd", "etcpasswd"),
            (b"a/../b", "a..b"),
            (b"..\\..\\evil", "....evil"),
            (b"a\0b", "a_b"),
            (b"bell\x07\x7f", "bell__"),
            ("c1\u{85}x".as_bytes(), "c1_x"),
            ("\u{202e}gpj.exe".as_bytes(), "gpj.exe"),
            ("a\u{200b}\u{2066}\u{61c}\u{feff}b".as_bytes(), "ab"),
            (".\u{200b}.".as_bytes(), "_"),
            ("\u{200b}".as_bytes(), "_"),
            (b"./", "_"),
            (b"\xff\xfe.txt", "__.txt"),
            // Overlong and truncated encodings must not turn into '/'.
            (b"\xc0\xaf", "__"),
            (b"\xe2\x82", "_"),
            ("Füße 日本".as_bytes(), "Füße 日本"),
            (b"a:b*c?", "a:b*c?"),
        ] {
            assert_eq!(sanitise(element).as_deref(), Some(safe), "{element:?}");
        }
    }

    #[test]
    fn long_names_are_cut_and_keep_their_extension() {
        let long = sanitise(format!("{}.torrent", "x".repeat(300)).as_bytes());
        assert_eq!(long, Some(format!("{}.torrent", "x".repeat(232))));
        let wide = sanitise(format!("{}.mp3", "é".repeat(200)).as_bytes());
        assert_eq!(wide, Some(format!("{}.mp3", "é".repeat(118))));
        let long_extension = sanitise(format!("a.{}", "b".repeat(300)).as_bytes());
        assert_eq!(long_extension, Some(format!("a.{}", "b".repeat(238))));
        let exact = "y".repeat(240);
        assert_eq!(sanitise(exact.as_bytes()), Some(exact));
    }
}
