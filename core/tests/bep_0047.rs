//! BEP 47, padding files and extended file attributes.

use unchoke_core::metainfo::{FileEntry, FileKind, Link, Metainfo, MetainfoError, Naming};

fn parse(files: &str) -> Result<Vec<FileEntry>, MetainfoError> {
    Ok(torrent(files)?.layout.files().to_vec())
}

fn torrent(files: &str) -> Result<Metainfo, MetainfoError> {
    let info =
        format!("d5:filesl{files}e4:name1:r12:piece lengthi1000e6:pieces20:aaaaaaaaaaaaaaaaaaaae");
    let torrent = format!("d4:info{info}e");
    Metainfo::parse(torrent.as_bytes())
}

/// Attribute `p`: zeros in the torrent, no file on disk, path irrelevant and possibly missing.
#[test]
fn padding_takes_room_and_no_name() {
    let files = "d6:lengthi10e4:pathl1:aeed4:attr1:p6:lengthi6e4:pathl4:.pad1:6ee\
                 d4:attr1:p6:lengthi6eed6:lengthi3e4:pathl4:.pad1:6ee";
    let torrent = torrent(files).expect("valid");
    let files = torrent.layout.files();
    let kinds: Vec<(FileKind, u64)> = files.iter().map(|it| (it.kind, it.offset)).collect();
    let pad = FileKind::Padding;
    let file = FileKind::Regular;
    assert_eq!(kinds, [(file, 0), (pad, 10), (pad, 16), (file, 22)]);
    assert_eq!(
        torrent.layout.path(3, Naming::Exact),
        "r/.pad/6",
        "a real file keeps its name beside padding"
    );
}

/// Attribute `l`: a link has no bytes. Early versions of libtorrent wrote the length of its target.
/// All versions ignore the length, even if it is not a number.
#[test]
fn symlinks_have_no_bytes_whatever_they_claim() {
    let file = "d6:lengthi3e4:pathl1:aee";
    for length in [
        "",
        "6:lengthi0e",
        "6:lengthi5e",
        "6:lengthi-5e",
        "6:length1:5",
    ] {
        for attributes in ["1:l", "2:xl", "2:pl", "2:lp"] {
            let link =
                format!("d4:attr{attributes}{length}4:pathl1:le12:symlink pathl2:..6:passwdee");
            let files = parse(&format!("{link}{file}")).expect("valid");
            assert_eq!(
                (files[0].kind, files[0].length, files[1].offset),
                (FileKind::Symlink, 0, 0),
                "{link}"
            );
        }
    }
}

/// The links of a torrent with the files `a/f` and `a/b/g`, and a link at `at` that leads to `to`.
fn link(at: &str, to: &str) -> Vec<(usize, String)> {
    let files = "d6:lengthi3e4:pathl1:a1:feed6:lengthi3e4:pathl1:a1:b1:gee";
    let list = |it: &str| {
        let parts = it.split(' ').map(|it| format!("{}:{it}", it.len()));
        parts.collect::<String>()
    };
    let link = format!(
        "d4:attr1:l4:pathl{}e12:symlink pathl{}ee",
        list(at),
        list(to)
    );
    let layout = torrent(&format!("{files}{link}")).expect("valid").layout;
    let text = |it: &Link| (it.target, layout.link_path(*it, Naming::Exact));
    layout.links().iter().map(text).collect()
}

/// Attribute `l`, `symlink path`: the path begins at the folder of the torrent.
#[test]
fn links_lead_to_files_and_folders_of_the_torrent() {
    for (at, to, target, text) in [
        ("l", "a f", 0, "a/f"),
        ("l", "a b g", 1, "a/b/g"),
        ("a l", "a f", 0, "../a/f"),
        ("a c l", "a f", 0, "../../a/f"),
        ("l", "a b", 1, "a/b"),
        ("l", "a", 1, "a"),
    ] {
        assert_eq!(link(at, to), [(target, text.to_owned())], "{at} -> {to}");
    }
}

/// All others lead nowhere: out of the torrent, to nothing, to themselves, to a folder around them.
#[test]
fn links_lead_nowhere_else() {
    for (at, to) in [
        ("l", ".. passwd"),
        ("l", ".. a f"),
        ("l", "a .. a f"),
        ("l", ". a f"),
        ("l", " etc passwd"),
        ("l", "a g"),
        ("l", "a/f"),
        ("l", "b"),
        ("l", "l"),
        ("a l", "a"),
        ("a b l", "a b"),
    ] {
        assert_eq!(link(at, to), [], "{at} -> {to}");
    }
    // To another link.
    let two = "d6:lengthi3e4:pathl1:aeed4:attr1:l4:pathl1:be12:symlink pathl1:aee\
               d4:attr1:l4:pathl1:ce12:symlink pathl1:bee";
    let layout = torrent(two).expect("valid").layout;
    let ends: Vec<(usize, usize)> = layout
        .links()
        .iter()
        .map(|it| (it.file, it.target))
        .collect();
    assert_eq!(ends, [(1, 0)]);
}

/// Attributes may come in any order, and unknown ones are ignored.
#[test]
fn attributes_come_in_any_order() {
    let files = "d4:attr3:hxZ6:lengthi3e4:pathl1:aeed4:attr2:xp6:lengthi3e4:pathl1:bee\
                 d4:attri5e6:lengthi3e4:pathl1:cee";
    let files = parse(files).expect("valid");
    let seen: Vec<(FileKind, bool)> = files.iter().map(|it| (it.kind, it.executable)).collect();
    let file = FileKind::Regular;
    assert_eq!(
        seen,
        [(file, true), (FileKind::Padding, true), (file, false)]
    );
}
