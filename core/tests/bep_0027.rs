//! BEP 27, private torrents.

use unchoke_core::metainfo::Metainfo;

fn private(info_entry: &str, root_entry: &str) -> bool {
    let torrent = format!(
        "d4:infod6:lengthi5e4:name1:a12:piece lengthi5e6:pieces20:aaaaaaaaaaaaaaaaaaaa\
         {info_entry}e{root_entry}e"
    );
    Metainfo::parse(torrent.as_bytes())
        .expect("a usable torrent")
        .private
}

/// Opening section: "including the key-value pair `private=1` in the `info` dict".
#[test]
fn only_the_info_dictionary_makes_a_torrent_private() {
    assert!(private("7:privatei1e", ""));
    assert!(!private("", "7:privatei1e"));
    assert!(!private("7:privatei0e", ""));
    assert!(!private("", ""));
}
