//! The fingerprint of the engine: it differs between programs, but does not depend on comments.

#[path = "../build/tokens.rs"]
mod tokens;

use tokens::tokens_of;

const SOURCE: &str = r"
    //! Squares.

    /// The square of `x`.
    #[must_use]
    pub fn square(x: u32) -> u32 {
        x * x // No overflow is expected.
    }
";

#[test]
fn comments_docs_layout_and_unit_tests_do_not_count() {
    let bare = "#[must_use] pub fn square(x: u32) -> u32 { x * x }";
    assert_eq!(tokens_of(SOURCE), tokens_of(bare));
    let tested = format!(
        "{SOURCE}
        #[cfg(test)]
        #[allow(dead_code)]
        mod tests {{ #[test] fn of_two() {{ assert_eq!(super::square(2), 4); }} }}"
    );
    assert_eq!(tokens_of(&tested), tokens_of(bare));
    let imports = format!("#[cfg(test)] use std::fmt::Write as _; {bare}");
    assert_eq!(tokens_of(&imports), tokens_of(bare));
    let nested = format!("#[cfg(test)] use std::{{fmt::{{Debug, Display}}, io}}; {bare}");
    assert_eq!(tokens_of(&nested), tokens_of(bare));
}

#[test]
fn whatever_else_changes_counts() {
    let others = [
        SOURCE.replace("x * x", "x + x"),
        SOURCE.replace("#[must_use]", "#[inline]"),
        SOURCE.replace("#[must_use]", "#[cfg(not(test))]"),
        SOURCE.replace("u32", "u64"),
        SOURCE.replace("x * x", "(x) * x"),
        SOURCE.replace("x * x", "x * x; \"// no comment\""),
        format!("{SOURCE} const LAST: u32 = 1;"),
    ];
    for other in others {
        assert_ne!(tokens_of(&other), tokens_of(SOURCE), "{other}");
    }
    assert_eq!(tokens_of("fn never_closed() {"), None);
}

#[test]
fn operators_are_told_apart() {
    let (both, second) = ("a && b", "a & &b");
    assert_ne!(tokens_of(both), tokens_of(second));
    assert_eq!(tokens_of(both), tokens_of("a&&b"));
}

#[test]
fn what_stands_beside_a_thing_for_tests_counts() {
    for (with, without) in [
        (
            "struct S { #[cfg(test)] a: u8, b: u64 }",
            "struct S { #[cfg(test)] a: u8 }",
        ),
        (
            "fn f() -> u8 { match 1 { #[cfg(test)] 1 => 2, _ => 3 } }",
            "fn f() -> u8 { match 1 { #[cfg(test)] 1 => 2 } }",
        ),
        (
            "#[cfg(test)] const A: u8 = 1; const B: u8 = 2;",
            "#[cfg(test)] const A: u8 = 1;",
        ),
    ] {
        assert_ne!(tokens_of(with), tokens_of(without));
    }
}
