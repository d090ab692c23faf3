//! Bencode: a table of cases, and round trips of random values. BEP 3, *bencoding*.

use proptest::prelude::*;
use unchoke_core::bencode::{
    DecodeError, DictBuilder, Limits, ListBuilder, Problem, Value, decode, decode_prefix,
    encode_bytes, encode_int,
};

const LIMITS: Limits = Limits::TORRENT_FILE;

fn problem(input: &[u8]) -> Option<Problem> {
    decode(input, LIMITS).err().map(|it| it.problem)
}

#[test]
fn integers_inside_64_bits_are_read() {
    for (text, number) in [
        ("i0e", 0),
        ("i3e", 3),
        ("i-3e", -3),
        ("i9223372036854775807e", i64::MAX),
        ("i-9223372036854775808e", i64::MIN),
    ] {
        let document = decode(text.as_bytes(), LIMITS).expect(text);
        assert_eq!(document.root().as_int(), Some(number), "{text}");
        assert_eq!(document.root().as_bytes(), None, "{text}");
    }
}

#[test]
fn strings_and_empty_containers_are_read() {
    let document = decode(b"4:spam", LIMITS).expect("BEP 3 example");
    assert_eq!(document.root().as_bytes(), Some(&b"spam"[..]));
    let document = decode(b"0:", LIMITS).expect("empty string");
    assert_eq!(document.root().as_bytes(), Some(&b""[..]));
    assert_eq!(
        decode(b"le", LIMITS).map(|it| it.root().as_list().map(Iterator::count)),
        Ok(Some(0))
    );
    let document = decode(b"de", LIMITS).expect("empty dictionary");
    assert!(
        document
            .root()
            .as_dict()
            .is_some_and(|it| it.iter().next().is_none())
    );
    assert_eq!(problem(b"llleee"), None);
}

#[test]
fn refused_inputs_name_problem_and_position() {
    use Problem as P;
    let cases: &[(&[u8], usize, Problem)] = &[
        // Integers.
        (b"i01e", 1, P::LeadingZero),
        (b"i04e", 1, P::LeadingZero),
        (b"i00e", 1, P::LeadingZero),
        (b"i-03e", 2, P::LeadingZero),
        (b"i-0e", 0, P::NegativeZero),
        (b"ie", 1, P::Integer),
        (b"i-e", 2, P::Integer),
        (b"i--1e", 2, P::Integer),
        (b"i+1e", 1, P::Integer),
        (b"i 1e", 1, P::Integer),
        (b"i12.3e", 3, P::Integer),
        (b"i6z4e", 2, P::Integer),
        (b"i35412-5633e", 6, P::Integer),
        (b"i", 1, P::End),
        (b"i-", 2, P::End),
        (b"i10", 3, P::End),
        (b"i9223372036854775808e", 0, P::IntegerRange),
        (b"i-9223372036854775809e", 0, P::IntegerRange),
        (b"i18446744073709551615e", 0, P::IntegerRange),
        (b"i18446744073709551616e", 1, P::IntegerRange),
        (b"i184467440737095516150e", 1, P::IntegerRange),
        // Strings.
        (b"06:foobar", 0, P::LeadingZero),
        (b"00:", 0, P::LeadingZero),
        (b"-10:foobar", 0, P::Byte(b'-')),
        (b"4294967296:x", 0, P::StringLength),
        (b"18446744073709551615:x", 0, P::StringLength),
        (b"99999999999999999999:boat", 0, P::StringLength),
        (b"4x:boat", 1, P::StringLength),
        (b"4:boa", 5, P::End),
        (b"1:", 2, P::End),
        (b"1000:abc", 8, P::End),
        (b"4", 1, P::End),
        // Dictionaries.
        (b"d1:ai1e1:be", 10, P::KeyWithoutValue),
        (b"di5e1:ae", 1, P::KeyNotString),
        (b"dle1:ae", 1, P::KeyNotString),
        (b"dde1:ae", 1, P::KeyNotString),
        (b"d1000", 5, P::End),
        (b"d", 1, P::End),
        (b"d1:a", 4, P::End),
        (b"d-1:ae", 1, P::Byte(b'-')),
        // Whole inputs.
        (b"", 0, P::End),
        (b"e", 0, P::Byte(b'e')),
        (b" ", 0, P::Byte(b' ')),
        (b"x", 0, P::Byte(b'x')),
        (b"\0", 0, P::Byte(0)),
        (b"l", 1, P::End),
        (b"leee", 2, P::Trailing),
        (b"i1e ", 3, P::Trailing),
        (b"<html></html>", 0, P::Byte(b'<')),
    ];
    for (input, at, problem) in cases.iter().copied() {
        let text = String::from_utf8_lossy(input);
        let error = decode(input, LIMITS).err();
        assert_eq!(error, Some(DecodeError { at, problem }), "{text}");
    }
}

#[test]
fn a_prefix_may_be_followed_by_anything() {
    let document = decode_prefix(b"leee", LIMITS).expect("a list comes first");
    assert_eq!(document.root().raw(), b"le");
}

#[test]
fn keys_are_bytes() {
    let document = decode(b"d3:a\0bi1e1:\xffi2ee", LIMITS).expect("NUL and non-UTF-8 keys");
    let dict = document.root().as_dict().expect("a dictionary");
    assert_eq!(dict.get(b"a\0b").and_then(|it| it.as_int()), Some(1));
    assert_eq!(dict.get(b"\xff").and_then(|it| it.as_int()), Some(2));
    assert!(document.canonical());
}

#[test]
fn unsorted_and_duplicate_keys_are_read_and_reported() {
    for (input, canonical) in [
        ("d1:ai1e1:bi2ee", true),
        ("d1:bi1e1:ai2ee", false),
        ("d1:ai1e1:ai2ee", false),
        ("ld1:bi1e1:ai2eei1ee", false),
        // Keys are sorted as raw strings: "b" comes after "aa".
        ("d2:aai1e1:bi2ee", true),
        // Each dictionary has an order of its own.
        ("ld1:bi1eed1:ai2eee", true),
        ("d1:bd1:ai1ee1:ci2ee", true),
    ] {
        let document = decode(input.as_bytes(), LIMITS).expect(input);
        assert_eq!(document.canonical(), canonical, "{input}");
    }
}

#[test]
fn the_first_of_equal_keys_counts_unless_the_reader_is_strict() {
    let document = decode(b"d1:ai1e1:ai2e1:bi3ee", LIMITS).expect("accepted");
    let dict = document.root().as_dict().expect("a dictionary");
    assert_eq!(dict.get(b"a").and_then(|it| it.as_int()), Some(1));
    let error = dict.unique(b"a").err();
    assert_eq!(
        error,
        Some(DecodeError {
            at: 10,
            problem: Problem::DuplicateKey
        })
    );
    assert!(matches!(dict.unique(b"b"), Ok(Some(_))));
    assert!(matches!(dict.unique(b"c"), Ok(None)));
}

#[test]
fn spans_are_the_bytes_of_the_input() {
    let document = decode(b"d4:infod1:bi1e1:ali-7eee4:tail0:e", LIMITS).expect("valid");
    let info = document
        .root()
        .as_dict()
        .and_then(|it| it.get(b"info"))
        .expect("info");
    assert_eq!(info.raw(), b"d1:bi1e1:ali-7eee");
    assert_eq!(info.position(), 7);
}

#[test]
fn nesting_up_to_the_limit_is_read_and_one_more_is_refused() {
    for (depth, error) in [(100, None), (101, Some(Problem::Depth(100)))] {
        let mut input = vec![b'l'; depth];
        input.extend(vec![b'e'; depth]);
        assert_eq!(problem(&input), error, "{depth}");
    }
    // A million brackets need little time and no deep stack.
    assert_eq!(problem(&vec![b'l'; 1_000_000]), Some(Problem::Depth(100)));
    assert_eq!(problem(&b"d1:a".repeat(200_000)), Some(Problem::Depth(100)));
}

#[test]
fn values_and_bytes_are_limited() {
    let limits = Limits {
        depth: 2,
        tokens: 1000,
        bytes: 4000,
    };
    let list = |items: usize| [b"l".to_vec(), b"i1e".repeat(items), b"e".to_vec()].concat();
    assert!(decode(&list(999), limits).is_ok());
    let error = decode(&list(1000), limits).expect_err("1001 values");
    assert_eq!(error.problem, Problem::Tokens(1000));
    let error = decode(&list(5000), limits).expect_err("15002 bytes");
    assert_eq!(error.problem, Problem::Bytes(4000));
}

#[test]
fn dictionaries_are_written_in_key_order() {
    let mut dict = DictBuilder::new();
    dict.int("spam", -4)
        .bytes("cow", "moo")
        .raw("a", b"le".to_vec());
    assert_eq!(dict.finish(), b"d1:ale3:cow3:moo4:spami-4ee");
}

/// A generated value: what the decoder must return.
#[derive(Clone, Debug)]
enum Item {
    Int(i64),
    Bytes(Vec<u8>),
    List(Vec<Item>),
    Dict(std::collections::BTreeMap<Vec<u8>, Item>),
}

impl Item {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Int(number) => encode_int(&mut out, *number),
            Self::Bytes(bytes) => encode_bytes(&mut out, bytes),
            Self::List(items) => {
                let mut list = ListBuilder::new();
                for item in items {
                    list.raw(&item.encode());
                }
                out = list.finish();
            }
            Self::Dict(entries) => {
                let mut dict = DictBuilder::new();
                for (key, item) in entries.iter().rev() {
                    dict.raw(key, item.encode());
                }
                out = dict.finish();
            }
        }
        out
    }

    fn matches(&self, value: Value<'_>) -> bool {
        value.raw() == self.encode()
            && match self {
                Self::Int(number) => value.as_int() == Some(*number),
                Self::Bytes(bytes) => value.as_bytes() == Some(bytes),
                Self::List(items) => value.as_list().is_some_and(|list| {
                    list.clone().count() == items.len()
                        && items
                            .iter()
                            .zip(list)
                            .all(|(item, value)| item.matches(value))
                }),
                Self::Dict(entries) => value.as_dict().is_some_and(|dict| {
                    dict.iter().count() == entries.len()
                        && entries
                            .iter()
                            .zip(dict.iter())
                            .all(|(entry, (key, value))| entry.0 == key && entry.1.matches(value))
                }),
            }
    }
}

fn items() -> impl Strategy<Value = Item> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Item::Int),
        proptest::collection::vec(any::<u8>(), 0..12).prop_map(Item::Bytes),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let key = proptest::collection::vec(any::<u8>(), 0..4);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Item::List),
            proptest::collection::btree_map(key, inner, 0..6).prop_map(Item::Dict),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(item in items()) {
        let bytes = item.encode();
        let document = decode(&bytes, LIMITS).expect("written by the encoder");
        prop_assert!(document.canonical());
        prop_assert!(item.matches(document.root()));
        for cut in 0..bytes.len() {
            prop_assert!(decode(&bytes[..cut], LIMITS).is_err());
        }
    }

    #[test]
    fn no_input_panics(input in proptest::collection::vec(
        prop_oneof![Just(b'd'), Just(b'l'), Just(b'i'), Just(b'e'), Just(b':'), Just(b'-'), b'0'..=b'3', any::<u8>()],
        0..60,
    )) {
        if let Ok(document) = decode_prefix(&input, LIMITS) {
            prop_assert!(input.starts_with(document.root().raw()));
        }
    }
}
