//! Rules that no lint checks: length of files and functions, words, unlisted files.

use std::fs;
use std::path::{Path, PathBuf};

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;
const MAX_RESULTS_BYTES: u64 = 12_000_000;

/// Words to avoid, with the field's term.
const BANNED: &[(&str, &str)] = &[
    ("seeder", "seed"),
    ("subpiece", "block"),
    ("is_choked", "am_choking or peer_choking"),
    ("random slot", "optimistic unchoke"),
    (
        "TODO",
        "a sentence with the condition under which it is done, or nothing",
    ),
    ("FIXME", "a mended line"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of the workspace") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(path);
        }
    }
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for member in ["core", "sim", "net", "experiments", "benches"] {
        rust_files(&root().join(member), &mut found);
    }
    found.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file");
        (path, text)
    };
    found.into_iter().map(read).collect()
}

/// First line, length and signature of each function. The search relies on rustfmt's indentation.
fn functions(text: &str) -> Vec<(usize, usize, String)> {
    let (mut found, mut open) = (Vec::new(), Vec::<(usize, usize, String)>::new());
    for (number, line) in (1..).zip(text.lines()) {
        let bare = line.trim_start();
        let indent = line.len() - bare.len();
        let known = [
            "pub",
            "pub(crate)",
            "pub(super)",
            "const",
            "async",
            "extern",
        ];
        let mut words = bare
            .split_whitespace()
            .skip_while(|word| known.contains(word));
        if words.next() == Some("fn") {
            open.push((indent, number, bare.to_owned()));
        }
        if bare.starts_with('}') && open.last().is_some_and(|it| it.0 == indent) {
            let (_, start, head) = open.pop().expect("just seen");
            found.push((start, number - start + 1, head));
        }
    }
    found
}

#[test]
fn files_and_functions_fit_a_sitting_and_a_screen() {
    let mut faults = Vec::new();
    for (path, text) in sources() {
        let shown = path
            .strip_prefix(root())
            .expect("below the root")
            .display()
            .to_string();
        let lines = text.lines().count();
        if lines > MAX_FILE_LINES {
            faults.push(format!("{shown}: {lines} lines, at most {MAX_FILE_LINES}"));
        }
        for (start, length, head) in functions(&text) {
            if length > MAX_FUNCTION_LINES {
                faults.push(format!(
                    "{shown}:{start}: {length} lines, at most {MAX_FUNCTION_LINES}: {head}"
                ));
            }
        }
    }
    assert!(faults.is_empty(), "too long:\n{}", faults.join("\n"));
}

#[test]
fn one_concept_has_one_word() {
    let mut faults = Vec::new();
    for (path, text) in sources()
        .into_iter()
        .filter(|(path, _)| !path.ends_with("tidy.rs"))
    {
        for (number, line) in (1..).zip(text.lines()) {
            for (word, better) in BANNED.iter().filter(|(word, _)| line.contains(word)) {
                let shown = path.strip_prefix(root()).expect("below the root").display();
                faults.push(format!("{shown}:{number}: '{word}', better: {better}"));
            }
        }
    }
    assert!(faults.is_empty(), "words:\n{}", faults.join("\n"));
}

/// A module file without a `mod` line is dead code.
#[test]
fn every_module_file_is_part_of_a_crate() {
    let sources = sources();
    let mut faults = Vec::new();
    for (path, _) in sources
        .iter()
        .filter(|(path, _)| path.components().any(|it| it.as_os_str() == "src"))
    {
        let stem = path
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let entry = matches!(stem.as_str(), "lib" | "main")
            || path.parent().is_some_and(|it| it.ends_with("src/bin"));
        let line = format!("mod {stem};");
        if !entry && !sources.iter().any(|(_, text)| text.contains(&line)) {
            faults.push(
                path.strip_prefix(root())
                    .expect("below the root")
                    .display()
                    .to_string(),
            );
        }
    }
    assert!(
        faults.is_empty(),
        "no mod line names:\n{}",
        faults.join("\n")
    );
}

/// Cargo does not find these files by itself: a manifest or another file must name each.
#[test]
fn every_test_file_is_part_of_a_program() {
    let (root, sources) = (root(), sources());
    let mut faults = Vec::new();
    for (path, _) in &sources {
        let below = path.strip_prefix(&root).expect("below the root");
        let folder = path.parent().expect("a folder");
        if below.iter().nth(1).is_none_or(|it| it != "tests") {
            continue;
        }
        // `sub/mod.rs` is the module `sub`, which the folder above declares.
        let inner = path.ends_with("mod.rs");
        let (named, beside) = if inner {
            (folder.file_name(), folder.parent())
        } else {
            (path.file_stem(), Some(folder))
        };
        let name = named.expect("a name").to_string_lossy();
        let member = below.iter().next().expect("a member");
        let manifest = root.join(member).join("Cargo.toml");
        let manifest = fs::read_to_string(manifest).expect("its manifest");
        let program = manifest.contains(&format!("path = \"tests/{name}.rs\""));
        let line = format!("mod {name};");
        let says = |text: &str| {
            let mut lines = text.lines();
            lines.any(|it| it.trim_start_matches("pub(crate) ") == line)
        };
        let mut near = sources.iter().filter(|(at, _)| at.parent() == beside);
        if !(folder.ends_with("tests") && program || near.any(|(_, text)| says(text))) {
            faults.push(below.display().to_string());
        }
    }
    assert!(faults.is_empty(), "never run:\n{}", faults.join("\n"));
}

/// Bytes in a folder, without files that runs leave there.
fn bytes_below(folder: &Path) -> u64 {
    let mut sum = 0;
    for entry in fs::read_dir(folder).expect("a folder of results") {
        let path = entry.expect("an entry").path();
        let own = ["units", "exploratory"].iter().any(|it| path.ends_with(it));
        sum += match path.is_dir() {
            true if own => 0,
            true => bytes_below(&path),
            false => path.metadata().expect("a file").len(),
        };
    }
    sum
}

/// Every clone of the repository downloads all versions of the results.
#[test]
fn results_stay_light() {
    let bytes = bytes_below(&root().join("results"));
    assert!(
        bytes <= MAX_RESULTS_BYTES,
        "results/ holds {bytes} bytes, at most {MAX_RESULTS_BYTES}: draw PNG only for what a page shows"
    );
}

/// Constants allowed in the files that connect the network to the client core. Each concerns
/// sockets, tasks or output. Rules of client behaviour belong into `core/src/client`, rules of the
/// search for an info dictionary into `core/src/metadata`, and those of uTP into `core/src/utp`.
const OF_SOCKETS: &[&str] = &[
    "ACCEPT_PAUSE",
    "BACKLOG",
    "BATCH",
    "CHUNK_BYTES",
    "EVENTS",
    "MAX_DATAGRAM_BYTES",
    "MAX_SKIPPED_TOLD",
    "ORDERS",
    "STATUS_INTERVAL",
    "STRANGERS",
    "UNSENT_BYTES",
    "WAITING",
];

/// Constants allowed in the files that connect the simulated links to the client core. Each
/// concerns memory, addresses or bytes in flight.
const OF_LINKS: &[&str] = &[
    "ABSENT",
    "AHEAD",
    "CONNECTIONS_AT_A_TIME",
    "ENDLESS",
    "ENDS_AT_A_TIME",
    "FIRST_ADDRESS",
    "HAVE_BYTES",
    "IS_SPLIT",
    "NOBODY",
    "NODES_AHEAD",
    "NODES_AT_A_TIME",
    "ONE",
    "OWED_AT_A_TIME",
    "PAYMENT_MAX",
    "PORT",
    "WORTH_A_THREAD",
];

/// The names of the constants in a text.
fn constants(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let (_, rest) = line.split_once("const ")?;
        let (name, _) = rest.split_once(':')?;
        let is_name = |it: u8| it.is_ascii_uppercase() || it == b'_';
        name.bytes().all(is_name).then_some(name)
    })
}

#[test]
fn drivers_have_no_rules_of_their_own() {
    let of_net = [
        "net/src/listen.rs",
        "net/src/connection/greet.rs",
        "net/src/metadata.rs",
        "net/src/metadata/announce.rs",
        "net/src/metadata/peer.rs",
        "net/src/session/announce.rs",
        "net/src/session/drive.rs",
        "net/src/session/peers.rs",
        "net/src/utp.rs",
    ];
    let of_sim = ["sim/src/world", "sim/src/node.rs", "sim/src/places.rs"];
    let (mut faults, mut seen) = (Vec::new(), 0);
    for (path, text) in sources() {
        let shown = path.strip_prefix(root()).expect("below the root");
        let allowed = if of_net.iter().any(|it| shown.ends_with(it)) {
            OF_SOCKETS
        } else if of_sim
            .iter()
            .any(|it| shown.with_extension("").starts_with(it) || shown.ends_with(it))
        {
            OF_LINKS
        } else {
            continue;
        };
        seen += 1;
        let rules = constants(&text).filter(|it| !allowed.contains(it));
        faults.extend(
            rules.map(|it| format!("{}: {it} belongs to core/src/client", shown.display())),
        );
        if text.contains("Duration::from_") && allowed == OF_LINKS {
            faults.push(format!("{}: a time of its own", shown.display()));
        }
    }
    assert!(
        seen > of_net.len() + of_sim.len(),
        "only {seen} files were found"
    );
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
