//! Converts bytes to a flat list of tokens.

use alloc::vec::Vec;
use core::ops::Range;

use super::value::Token;
use super::{DecodeError, Document, Limits, Problem};

/// Reads `input`, which must contain exactly one value.
pub fn decode(input: &[u8], limits: Limits) -> Result<Document<'_>, DecodeError> {
    let document = decode_prefix(input, limits)?;
    let used = document.root().raw().len();
    if used < input.len() {
        return Err(DecodeError {
            at: used,
            problem: Problem::Trailing,
        });
    }
    Ok(document)
}

/// Reads the value at the start of `input`; the root's [`raw`](super::Value::raw) gives its length.
pub fn decode_prefix(input: &[u8], limits: Limits) -> Result<Document<'_>, DecodeError> {
    if input.len() > limits.bytes as usize {
        return Err(DecodeError {
            at: limits.bytes as usize,
            problem: Problem::Bytes(limits.bytes),
        });
    }
    let mut decoder = Decoder {
        input,
        limits,
        at: 0,
        tokens: Vec::new(),
        open: Vec::new(),
        canonical: true,
    };
    decoder.run()?;
    Ok(Document::new(input, decoder.tokens, decoder.canonical))
}

/// A list or dictionary that has begun and not ended.
struct Open {
    token: usize,
    dict: bool,
    /// In a dictionary: a key has come, its value has not.
    value_due: bool,
    last_key: Option<Range<usize>>,
}

struct Decoder<'a> {
    input: &'a [u8],
    limits: Limits,
    at: usize,
    tokens: Vec<Token>,
    open: Vec<Open>,
    canonical: bool,
}

impl Decoder<'_> {
    fn run(&mut self) -> Result<(), DecodeError> {
        loop {
            let key_due = self.open.last().is_some_and(|it| it.dict && !it.value_due);
            match self.peek()? {
                b'e' if !self.open.is_empty() => self.close()?,
                b'0'..=b'9' => self.string(key_due)?,
                b'i' | b'l' | b'd' if key_due => return self.fail(self.at, Problem::KeyNotString),
                b'i' => self.integer()?,
                b'l' => self.begin(false)?,
                b'd' => self.begin(true)?,
                other => return self.fail(self.at, Problem::Byte(other)),
            }
            if self.open.is_empty() {
                return Ok(());
            }
        }
    }

    fn fail<T>(&self, at: usize, problem: Problem) -> Result<T, DecodeError> {
        let at = at.min(self.input.len());
        Err(DecodeError { at, problem })
    }

    fn peek(&self) -> Result<u8, DecodeError> {
        match self.input.get(self.at) {
            Some(byte) => Ok(*byte),
            None => self.fail(self.at, Problem::End),
        }
    }

    fn push(&mut self, from: usize) -> Result<usize, DecodeError> {
        if self.tokens.len() >= self.limits.tokens as usize {
            return self.fail(from, Problem::Tokens(self.limits.tokens));
        }
        let index = self.tokens.len();
        self.tokens.push(Token {
            from: narrow(from),
            to: narrow(self.at),
            next: narrow(index + 1),
        });
        Ok(index)
    }

    /// Records that the innermost dictionary has got the value for its last key.
    fn value_came(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.value_due = false;
        }
    }

    fn begin(&mut self, dict: bool) -> Result<(), DecodeError> {
        if self.open.len() >= self.limits.depth as usize {
            return self.fail(self.at, Problem::Depth(self.limits.depth));
        }
        self.value_came();
        self.at += 1;
        let token = self.push(self.at - 1)?;
        self.open.push(Open {
            token,
            dict,
            value_due: false,
            last_key: None,
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), DecodeError> {
        let open = self.open.pop().expect("checked by the caller");
        if open.value_due {
            return self.fail(self.at, Problem::KeyWithoutValue);
        }
        self.at += 1;
        let next = narrow(self.tokens.len());
        let token = &mut self.tokens[open.token];
        token.to = narrow(self.at);
        token.next = next;
        Ok(())
    }

    fn integer(&mut self) -> Result<(), DecodeError> {
        let from = self.at;
        self.at += 1;
        let negative = self.peek()? == b'-';
        self.at += usize::from(negative);
        let magnitude = self.number(b'e', Problem::Integer, Problem::IntegerRange)?;
        if negative && magnitude == 0 {
            return self.fail(from, Problem::NegativeZero);
        }
        if magnitude > i64::MAX.unsigned_abs() + u64::from(negative) {
            return self.fail(from, Problem::IntegerRange);
        }
        self.value_came();
        self.push(from)?;
        Ok(())
    }

    fn string(&mut self, key: bool) -> Result<(), DecodeError> {
        let from = self.at;
        let length = self.number(b':', Problem::StringLength, Problem::StringLength)?;
        let left = self.input.len() - self.at;
        let body = self.at;
        match usize::try_from(length) {
            Ok(length) if length <= left => self.at += length,
            _ if u32::try_from(length).is_err() => return self.fail(from, Problem::StringLength),
            _ => return self.fail(self.input.len(), Problem::End),
        }
        self.push(from)?;
        if key {
            self.note_key(body..self.at);
        } else {
            self.value_came();
        }
        Ok(())
    }

    fn note_key(&mut self, key: Range<usize>) {
        let open = self.open.last_mut().expect("keys are in dictionaries");
        if let Some(last) = open.last_key.take() {
            self.canonical &= self.input[last] < self.input[key.clone()];
        }
        open.last_key = Some(key);
        open.value_due = true;
    }

    /// Digits up to `end`, which is consumed as well.
    fn number(&mut self, end: u8, bad: Problem, range: Problem) -> Result<u64, DecodeError> {
        let from = self.at;
        let mut number: u64 = 0;
        loop {
            let byte = self.peek()?;
            if byte == end && self.at > from {
                self.at += 1;
                return Ok(number);
            }
            if !byte.is_ascii_digit() {
                return self.fail(self.at, bad);
            }
            if self.at > from && self.input[from] == b'0' {
                return self.fail(from, Problem::LeadingZero);
            }
            let next = number.checked_mul(10);
            match next.and_then(|it| it.checked_add(u64::from(byte - b'0'))) {
                Some(next) => number = next,
                None => return self.fail(from, range),
            }
            self.at += 1;
        }
    }
}

fn narrow(position: usize) -> u32 {
    u32::try_from(position).expect("no more bytes than the 32-bit limit")
}
