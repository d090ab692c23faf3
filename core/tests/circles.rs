//! Modules that use each other can only be understood and changed together. So uses between the
//! files of a folder must go in one direction. A folder with its contents counts as one module;
//! uses inside it are checked separately.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The path of a module; empty for the crate.
type Module = Vec<String>;

/// For each module of one folder, the modules of the folder that it uses.
type Uses = BTreeMap<String, BTreeSet<String>>;

fn read(folder: &Path, at: &Module, found: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path: PathBuf = entry.expect("an entry").path();
        let stem = path.file_stem().expect("a name").to_string_lossy();
        let mut module = at.clone();
        if !(at.is_empty() && (stem == "lib" || stem == "main")) {
            module.push(stem.into_owned());
        }
        if path.is_dir() {
            read(&path, &module, found);
        } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).expect("a source file");
            found.entry(module).or_default().push_str(&text);
        }
    }
}

/// The text without comments, and without the tests at the end.
fn code(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let bare = code.lines().map(|it| it.split("//").next().unwrap_or(it));
    bare.collect::<Vec<_>>().join("\n")
}

/// The names and symbols of a path or of a tree of paths.
fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = |it: char| it.is_alphanumeric() || it == '_';
        let length = match first {
            _ if word(first) => rest.find(|it| !word(it)).unwrap_or(rest.len()),
            ':' if rest.starts_with("::") => 2,
            other => other.len_utf8(),
        };
        found.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    found
}

/// All paths in a file. Paths like `use a::{b, c::{d}}` are expanded.
fn paths(code: &str) -> Vec<Vec<&str>> {
    let (mut found, mut path, mut open) = (Vec::new(), Vec::new(), Vec::<Vec<&str>>::new());
    let mut joined = false;
    for token in tokens(code) {
        match token {
            "::" => joined = true,
            "{" if joined => {
                open.push(path.clone());
                joined = false;
            }
            "{" => {
                open.push(Vec::new());
                path = Vec::new();
            }
            "}" => {
                found.push(std::mem::take(&mut path));
                open.pop();
                path = open.last().cloned().unwrap_or_default();
            }
            name if name.starts_with(|it: char| it.is_alphanumeric() || it == '_') => {
                if !joined {
                    found.push(std::mem::take(&mut path));
                    path = open.last().cloned().unwrap_or_default();
                }
                path.push(name);
                joined = false;
            }
            _ => {
                found.push(std::mem::take(&mut path));
                path = open.last().cloned().unwrap_or_default();
                joined = false;
            }
        }
    }
    found.push(path);
    found.retain(|it| it.len() > 1);
    found
}

/// The module to which a path in `from` leads.
fn target(from: &Module, path: &[&str], all: &BTreeMap<Module, String>) -> Option<Module> {
    let mut at = from.clone();
    let mut rest = path;
    match path[0] {
        "crate" => {
            at.clear();
            rest = &path[1..];
        }
        "self" => rest = &path[1..],
        "super" => {
            while rest.first() == Some(&"super") {
                at.pop();
                rest = &rest[1..];
            }
        }
        first => {
            let mut inner = at.clone();
            inner.push(first.to_owned());
            all.contains_key(&inner).then_some(())?;
        }
    }
    for name in rest {
        let mut inner = at.clone();
        inner.push((*name).to_owned());
        if !all.contains_key(&inner) {
            break;
        }
        at = inner;
    }
    Some(at)
}

/// The uses in each folder.
fn uses(all: &BTreeMap<Module, String>) -> BTreeMap<Module, Uses> {
    let mut found: BTreeMap<Module, Uses> = BTreeMap::new();
    for (from, text) in all {
        let code = code(text);
        for to in paths(&code).iter().filter_map(|it| target(from, it, all)) {
            let same = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
            if let (Some(user), Some(used)) = (from.get(same), to.get(same)) {
                let folder = found.entry(from[..same].to_vec()).or_default();
                folder.entry(user.clone()).or_default().insert(used.clone());
            }
        }
    }
    found
}

/// A path from `start` back to itself, if it exists.
fn circle(start: &str, uses: &Uses) -> Option<Vec<String>> {
    let (mut seen, mut ways) = (BTreeSet::new(), vec![vec![start.to_owned()]]);
    while let Some(way) = ways.pop() {
        for next in uses.get(way.last()?).into_iter().flatten() {
            let mut longer = way.clone();
            longer.push(next.clone());
            if next == start {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push(longer);
            }
        }
    }
    None
}

fn circles(all: &BTreeMap<Module, String>) -> Vec<String> {
    let mut found = Vec::new();
    for (folder, uses) in uses(all) {
        let ways = uses.keys().find_map(|it| circle(it, &uses));
        found.extend(ways.map(|it| format!("{}: {}", folder.join("/"), it.join(" -> "))));
    }
    found
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = root.parent().expect("the workspace");
    let mut faults = Vec::new();
    let members = [
        ("core", 20),
        ("sim", 20),
        ("net", 20),
        ("net/record", 5),
        ("experiments", 20),
    ];
    for (member, more_than) in members {
        let mut all = BTreeMap::new();
        read(&root.join(member).join("src"), &Vec::new(), &mut all);
        assert!(
            all.len() > more_than,
            "{member} has more files than {}",
            all.len()
        );
        faults.extend(circles(&all).iter().map(|it| format!("{member}/{it}")));
    }
    assert!(faults.is_empty(), "circles:\n{}", faults.join("\n"));
}

#[test]
fn a_circle_is_found_however_it_is_written() {
    let tree = |files: &[(&str, &str)]| {
        let module = |path: &str| path.split('/').map(str::to_owned).collect::<Module>();
        let files = files.iter();
        files
            .map(|it| (module(it.0), it.1.to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let one_way = [
        ("a", "use crate::b::B; mod c;"),
        ("a/c", "use super::A; // crate::b uses crate::a"),
        (
            "b",
            "fn f() -> u8 { 1 }\n#[cfg(test)] mod tests { use crate::a::A; }",
        ),
    ];
    assert_eq!(circles(&tree(&one_way)), Vec::<String>::new());
    for back in [
        "use crate::a::A;",
        "use super::a;\nfn f() { a::g() }",
        "use crate::{x::X, a::{self, c::C}};",
        "fn f() -> u8 { crate::a::c::g() }",
        "mod d { fn f() {} }\nuse std::{fmt, io};\nuse crate::a::c::{C};",
    ] {
        let mut files = one_way;
        files[2].1 = back;
        assert_eq!(circles(&tree(&files)).len(), 1, "{back}");
    }
}
