//! The licences of all dependencies must allow free use of the whole program.

use std::process::Command;

use serde_json::Value;

/// Permissive licences: they require at most attribution.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Zlib",
];

/// Data packages under data licences: the certificates of authorities.
const DATA: &[(&str, &str)] = &[("webpki-roots", "CDLA-Permissive-2.0")];

/// Whether the licences allowed here satisfy an SPDX expression. Operators are split from the
/// weakest to the strongest.
fn allows(expression: &str, package: &str) -> bool {
    let expression = expression.trim();
    let bare = expression
        .strip_prefix('(')
        .and_then(|it| it.strip_suffix(')'))
        .filter(|it| !it.contains(['(', ')']));
    if let Some(bare) = bare {
        return allows(bare, package);
    }
    // An old notation uses a slash for `OR`.
    for (operator, all) in [(" AND ", true), (" OR ", false), ("/", false)] {
        let parts = outer(expression, operator);
        if parts.len() > 1 {
            let mut results = parts.iter().map(|it| allows(it, package));
            return if all {
                results.all(|it| it)
            } else {
                results.any(|it| it)
            };
        }
    }
    ALLOWED.contains(&expression) || DATA.contains(&(package, expression))
}

/// Splits at an operator, outside parentheses.
fn outer<'a>(expression: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, byte) in expression.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ if depth == 0 && at >= start && expression[at..].starts_with(operator) => {
                parts.push(&expression[start..at]);
                start = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&expression[start..]);
    parts
}

#[test]
fn expressions_are_read() {
    for (good, expression) in [
        (true, "MIT OR GPL-3.0"),
        (false, "MIT AND GPL-3.0"),
        (true, "MIT/Apache-2.0"),
        (true, "(MIT OR Apache-2.0) AND Unicode-3.0"),
        (false, "(MIT OR Apache-2.0) AND GPL-2.0"),
        (false, "CDLA-Permissive-2.0"),
    ] {
        assert_eq!(allows(expression, "x"), good, "{expression}");
    }
    assert!(allows("CDLA-Permissive-2.0", "webpki-roots"));
}

#[test]
fn all_that_is_built_in_may_be_given_on() {
    let words = ["metadata", "--format-version", "1", "--locked", "--offline"];
    let asked = Command::new(env!("CARGO"))
        .args(words)
        // Packages for other systems may not be downloaded here.
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let asked = asked.expect("cargo runs");
    let said = String::from_utf8_lossy(&asked.stderr);
    assert!(asked.status.success(), "{said}");
    let all: Value = serde_json::from_slice(&asked.stdout).expect("JSON");
    let nodes = all["resolve"]["nodes"].as_array().expect("packages");
    let used: Vec<&str> = nodes.iter().filter_map(|it| it["id"].as_str()).collect();
    let packages = all["packages"].as_array().expect("packages");
    let mut faults = Vec::new();
    for package in packages {
        let (id, name) = (&package["id"], package["name"].as_str().expect("a name"));
        let licence = package["license"].as_str().unwrap_or("none");
        if used.contains(&id.as_str().expect("an id")) && !allows(licence, name) {
            faults.push(format!("{name}: {licence}"));
        }
    }
    assert!(used.len() > 50, "{} packages", used.len());
    assert!(faults.is_empty(), "not allowed:\n{}", faults.join("\n"));
}
