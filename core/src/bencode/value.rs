//! Views of decoded values. They borrow the input and copy nothing.

use alloc::vec::Vec;

use super::{DecodeError, Problem};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Int,
    Bytes,
    List,
    Dict,
}

/// One value or key. The tokens of its contents follow it. A file may have a token for every two
/// bytes, so tokens are small: the kind is not stored, because the first byte of the value shows
/// it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// Span of the encoded value in the input.
    pub(super) from: u32,
    pub(super) to: u32,
    /// Index of the token after this value and its contents.
    pub(super) next: u32,
}

/// A decoded value and the bytes it came from.
#[derive(Clone, Debug)]
pub struct Document<'a> {
    input: &'a [u8],
    tokens: Vec<Token>,
    canonical: bool,
}

impl<'a> Document<'a> {
    pub(super) fn new(input: &'a [u8], tokens: Vec<Token>, canonical: bool) -> Self {
        Self {
            input,
            tokens,
            canonical,
        }
    }

    /// The value.
    #[must_use]
    pub fn root(&self) -> Value<'_> {
        Value {
            input: self.input,
            tokens: &self.tokens,
            index: 0,
        }
    }

    /// Whether the keys of every dictionary are in strictly ascending order, as BEP 3 asks.
    #[must_use]
    pub fn canonical(&self) -> bool {
        self.canonical
    }
}

/// A value inside a [`Document`].
#[derive(Clone, Copy, Debug)]
pub struct Value<'a> {
    input: &'a [u8],
    tokens: &'a [Token],
    index: usize,
}

impl<'a> Value<'a> {
    fn token(&self) -> Token {
        self.tokens[self.index]
    }

    fn kind(&self) -> Kind {
        match self.input[self.token().from as usize] {
            b'i' => Kind::Int,
            b'l' => Kind::List,
            b'd' => Kind::Dict,
            _ => Kind::Bytes,
        }
    }

    fn at(self, index: usize) -> Self {
        Self { index, ..self }
    }

    /// The bytes of this value as found in the input, including its delimiters.
    #[must_use]
    pub fn raw(&self) -> &'a [u8] {
        let token = self.token();
        &self.input[token.from as usize..token.to as usize]
    }

    /// Position of this value in the input.
    #[must_use]
    pub fn position(&self) -> usize {
        self.token().from as usize
    }

    /// The number, if this is an integer.
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        if self.kind() != Kind::Int {
            return None;
        }
        let raw = self.raw();
        let digits = core::str::from_utf8(&raw[1..raw.len() - 1]).ok()?;
        digits.parse().ok()
    }

    /// The number, if this is a non-negative integer.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.as_int().and_then(|it| u64::try_from(it).ok())
    }

    /// The contents, if this is a string.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        if self.kind() != Kind::Bytes {
            return None;
        }
        let raw = self.raw();
        let colon = raw.iter().position(|byte| *byte == b':')?;
        Some(&raw[colon + 1..])
    }

    /// The contents, if this is a string in UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        core::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The items, if this is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<List<'a>> {
        (self.kind() == Kind::List).then(|| self.contents())
    }

    /// The entries, if this is a dictionary.
    #[must_use]
    pub fn as_dict(&self) -> Option<Dict<'a>> {
        (self.kind() == Kind::Dict).then(|| Dict {
            contents: self.contents(),
        })
    }

    fn contents(self) -> List<'a> {
        List {
            next: self.at(self.index + 1),
            end: self.token().next as usize,
        }
    }
}

/// The items of a list, in order.
#[derive(Clone, Debug)]
pub struct List<'a> {
    next: Value<'a>,
    end: usize,
}

impl<'a> Iterator for List<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        if self.next.index >= self.end {
            return None;
        }
        let item = self.next;
        self.next = item.at(item.token().next as usize);
        Some(item)
    }
}

/// The entries of a dictionary.
#[derive(Clone, Debug)]
pub struct Dict<'a> {
    contents: List<'a>,
}

impl<'a> Dict<'a> {
    /// The entries in the order of the input.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Value<'a>)> + use<'a> {
        let mut contents = self.contents.clone();
        core::iter::from_fn(move || {
            let key = contents.next()?;
            let key = key
                .as_bytes()
                .expect("the decoder lets only strings be keys");
            Some((key, contents.next()?))
        })
    }

    /// The value of `key`; the first one if the key is duplicate.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Value<'a>> {
        self.iter().find(|it| it.0 == key).map(|it| it.1)
    }

    /// The value of `key`, which must not be duplicate.
    pub fn unique(&self, key: &[u8]) -> Result<Option<Value<'a>>, DecodeError> {
        let mut found = self.iter().filter(|it| it.0 == key).map(|it| it.1);
        let first = found.next();
        match found.next() {
            None => Ok(first),
            Some(second) => Err(DecodeError {
                at: second.position(),
                problem: Problem::DuplicateKey,
            }),
        }
    }
}
