//! Symbolic links of a torrent. BEP 47.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use sha1::{Digest as _, Sha1};

use crate::common::command::{run, stderr, stdout};

const DATA: &[u8] = b"the content";

/// A torrent with the files `lib/one` and `lib/two`, and these links: where each is, and where it leads to.
fn torrent(links: &[(&[&str], &[&str])]) -> Vec<u8> {
    let list = |it: &[&str]| {
        let parts = it.iter().map(|it| format!("{}:{it}", it.len()));
        format!("l{}e", parts.collect::<String>())
    };
    let link = |(at, to): &(&[&str], &[&str])| {
        format!("d4:attr1:l4:path{}12:symlink path{}e", list(at), list(to))
    };
    let links: String = links.iter().map(link).collect();
    let length = DATA.len();
    let file = |name| format!("d6:lengthi{length}e4:path{}e", list(&["lib", name]));
    let mut text = format!("d4:infod5:filesl{}{}{links}e", file("one"), file("two"));
    text += "4:name1:t12:piece lengthi16384e6:pieces20:";
    let mut torrent = text.into_bytes();
    torrent.extend(Sha1::digest([DATA, DATA].concat()));
    torrent.extend(b"ee");
    torrent
}

fn download(home: &Path, torrent: &[u8], options: &[&str]) -> String {
    fs::write(home.join("t.torrent"), torrent).expect("writes");
    fs::create_dir_all(home.join("out/t/lib")).expect("a folder");
    for name in ["one", "two"] {
        fs::write(home.join("out/t/lib").join(name), DATA).expect("writes");
    }
    let words = ["download", "t.torrent", "--out", "out"];
    let done = run(home, &[&words, options].concat());
    assert!(done.status.success(), "{}", stderr(&done));
    format!("{}{}", stdout(&done), stderr(&done))
}

#[test]
fn links_to_files_and_folders_of_the_torrent_are_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path();
    let links: [(&[&str], &[&str]); 5] = [
        (&["two"], &["lib", "one"]),
        (&["bin", "one"], &["lib", "one"]),
        (&["all"], &["lib"]),
        (&["out"], &["..", "..", "secret"]),
        (&["nothing"], &["lib", "three"]),
    ];
    download(home, &torrent(&links), &[]);
    let read = |at: &str| fs::read_link(home.join("out/t").join(at)).ok();
    assert_eq!(read("two").as_deref(), Some(Path::new("lib/one")));
    assert_eq!(read("bin/one").as_deref(), Some(Path::new("../lib/one")));
    assert_eq!(read("all").as_deref(), Some(Path::new("lib")));
    assert_eq!(fs::read(home.join("out/t/bin/one")).expect("reads"), DATA);
    assert_eq!(fs::read(home.join("out/t/all/one")).expect("reads"), DATA);
    assert_eq!((read("out"), read("nothing")), (None, None));
    let shown = stdout(&run(home, &["show", "t.torrent"]));
    assert!(shown.contains("symbolic link to ../lib/one"), "{shown}");
    assert!(
        shown.contains("to nothing in the torrent, not made"),
        "{shown}"
    );
    // The links change nothing for a second download.
    download(home, &torrent(&links), &[]);
}

#[test]
fn links_to_what_is_not_wanted_are_not_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path();
    let links: [(&[&str], &[&str]); 3] = [
        (&["all"], &["lib"]),
        (&["one"], &["lib", "one"]),
        (&["two"], &["lib", "two"]),
    ];
    download(home, &torrent(&links), &["--files", "2"]);
    let made = |at: &str| home.join("out/t").join(at).is_symlink();
    assert_eq!(["all", "one", "two"].map(made), [true, false, true]);
}

/// From a folder at another depth, a relative path could lead out of the output folder.
#[test]
fn no_link_is_made_in_a_folder_that_is_itself_a_link() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path();
    fs::create_dir_all(home.join("out/t/near")).expect("a folder");
    fs::create_dir_all(home.join("out/t/a/b")).expect("a folder");
    symlink("../../near", home.join("out/t/a/b/c")).expect("a link");
    let links: [(&[&str], &[&str]); 1] = [(&["a", "b", "c", "l"], &["lib", "one"])];
    let said = download(home, &torrent(&links), &[]);
    assert!(said.contains("its folder is itself a link"), "{said}");
    let near = fs::read_dir(home.join("out/t/near")).expect("lists");
    assert_eq!(near.count(), 0);
}

#[test]
fn a_link_replaces_nothing_and_is_never_made_elsewhere() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path();
    fs::create_dir_all(home.join("out/t")).expect("a folder");
    fs::create_dir(home.join("elsewhere")).expect("a folder");
    fs::write(home.join("out/t/two"), b"mine").expect("writes");
    symlink(home.join("elsewhere"), home.join("out/t/bin")).expect("a link");
    let links: [(&[&str], &[&str]); 2] = [
        (&["two"], &["lib", "one"]),
        (&["bin", "x"], &["lib", "one"]),
    ];
    let said = download(home, &torrent(&links), &[]);
    assert_eq!(fs::read(home.join("out/t/two")).expect("reads"), b"mine");
    assert_eq!(
        fs::read_dir(home.join("elsewhere")).expect("lists").count(),
        0
    );
    assert!(
        said.contains("the symbolic link t/bin/x cannot be made"),
        "{said}"
    );
}
