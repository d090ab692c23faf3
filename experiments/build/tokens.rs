//! What the compiler reads of a source file, apart from its unit tests.

use std::fmt::Write as _;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The tokens of `source` without comments, docs and what is for `cfg(test)` alone: the same text
/// for two files that compile to the same program. `None` if it is not Rust.
pub(crate) fn tokens_of(source: &str) -> Option<String> {
    let mut text = String::new();
    append(&mut text, source.parse().ok()?);
    Some(text)
}

/// The attribute at the start of `tokens`: how many of them it has, and what stands in its brackets.
fn attribute(tokens: &[TokenTree]) -> Option<(usize, String)> {
    let is = |at: usize, sign: char| matches!(tokens.get(at), Some(TokenTree::Punct(it)) if it.as_char() == sign);
    if !is(0, '#') {
        return None;
    }
    let at = if is(1, '!') { 2 } else { 1 };
    match tokens.get(at) {
        Some(TokenTree::Group(it)) if it.delimiter() == Delimiter::Bracket => {
            Some((at + 1, it.stream().to_string()))
        }
        _ => None,
    }
}

/// How many tokens the item at the start of `tokens` has, further attributes included.
fn item(tokens: &[TokenTree]) -> usize {
    let ends = |it: &TokenTree| match it {
        TokenTree::Group(it) => it.delimiter() == Delimiter::Brace,
        TokenTree::Punct(it) => it.as_char() == ';',
        _ => false,
    };
    tokens
        .iter()
        .position(ends)
        .map_or(tokens.len(), |it| it + 1)
}

fn append(text: &mut String, stream: TokenStream) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let Some((length, content)) = attribute(&tokens[at..]) {
            let is_doc = content
                .strip_prefix("doc")
                .is_some_and(|it| it.trim_start().starts_with('='));
            let is_test = content.replace(' ', "") == "cfg(test)";
            if is_doc || is_test {
                at += length;
                at += if is_test { item(&tokens[at..]) } else { 0 };
                continue;
            }
        }
        match &tokens[at] {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("( ", ") "),
                    Delimiter::Brace => ("{ ", "} "),
                    Delimiter::Bracket => ("[ ", "] "),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                append(text, group.stream());
                text.push_str(close);
            }
            other => write!(text, "{other} ").expect("writing to a string does not fail"),
        }
        at += 1;
    }
}
