//! BEP 47, padding files and extended file attributes.

use unchoke_core::metainfo::{FileEntry, FileKind, Metainfo, MetainfoError, Naming};

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
