//! The tokens of a source file that the compiler sees, without unit tests.

use std::fmt::Write as _;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// The tokens of `source` as text, without comments, docs and parts for `cfg(test)`. Different
/// programs give different texts. `None` if the source is not valid Rust.
pub(crate) fn tokens_of(source: &str) -> Option<String> {
    let mut text = String::new();
    append(&mut text, source.parse().ok()?);
    Some(text)
}

fn sign(token: Option<&TokenTree>) -> Option<char> {
    match token {
        Some(TokenTree::Punct(it)) => Some(it.as_char()),
        _ => None,
    }
}

/// The attribute at the start of `tokens`: its number of tokens, and the content of its brackets.
fn attribute(tokens: &[TokenTree]) -> Option<(usize, String)> {
    if sign(tokens.first()) != Some('#') {
        return None;
    }
    let at = if sign(tokens.get(1)) == Some('!') {
        2
    } else {
        1
    };
    match tokens.get(at) {
        Some(TokenTree::Group(it)) if it.delimiter() == Delimiter::Bracket => {
            Some((at + 1, it.stream().to_string()))
        }
        _ => None,
    }
}

/// Number of tokens of the module or import at the start of `tokens`, including further attributes.
/// `None` for any other item, because its end is not known.
fn item(tokens: &[TokenTree]) -> Option<usize> {
    if let Some((length, _)) = attribute(tokens) {
        return item(&tokens[length..]).map(|it| length + it);
    }
    let TokenTree::Ident(first) = tokens.first()? else {
        return None;
    };
    if first != "mod" && first != "use" {
        return None;
    }
    let is_body =
        |it: &TokenTree| matches!(it, TokenTree::Group(it) if it.delimiter() == Delimiter::Brace);
    // An import may have braces in it.
    let ends = |it: &TokenTree| sign(Some(it)) == Some(';') || (first == "mod" && is_body(it));
    tokens.iter().position(ends).map(|it| it + 1)
}

fn append(text: &mut String, stream: TokenStream) {
    let tokens: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let Some((length, content)) = attribute(&tokens[at..]) {
            let is_doc = content
                .strip_prefix("doc")
                .is_some_and(|it| it.trim_start().starts_with('='));
            let for_tests = content.replace(' ', "") == "cfg(test)";
            let item = item(&tokens[at + length..]).filter(|_| for_tests);
            if is_doc || item.is_some() {
                at += length + item.unwrap_or_default();
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
        if are_apart(&tokens[at], tokens.get(at + 1)) {
            text.push(' ');
        }
        at += 1;
    }
}

/// Whether two equal signs are two operators, as in `a & &b`, and not one.
fn are_apart(first: &TokenTree, second: Option<&TokenTree>) -> bool {
    match first {
        TokenTree::Punct(it) => {
            it.spacing() == Spacing::Alone && sign(second) == Some(it.as_char())
        }
        _ => false,
    }
}
