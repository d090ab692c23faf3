//! Converts values to bytes. The result is always canonical.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;

/// Appends a string.
pub fn encode_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes.len().to_string().as_bytes());
    out.push(b':');
    out.extend_from_slice(bytes);
}

/// Appends an integer.
pub fn encode_int(out: &mut Vec<u8>, number: i64) {
    out.push(b'i');
    out.extend_from_slice(number.to_string().as_bytes());
    out.push(b'e');
}

/// A dictionary under construction. Keys may be given in any order; the last value of a duplicate
/// key counts.
#[derive(Clone, Debug, Default)]
pub struct DictBuilder {
    entries: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl DictBuilder {
    /// The empty dictionary.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an integer.
    pub fn int(&mut self, key: impl AsRef<[u8]>, number: i64) -> &mut Self {
        let mut value = Vec::new();
        encode_int(&mut value, number);
        self.raw(key, value)
    }

    /// Adds a string.
    pub fn bytes(&mut self, key: impl AsRef<[u8]>, bytes: impl AsRef<[u8]>) -> &mut Self {
        let mut value = Vec::new();
        encode_bytes(&mut value, bytes.as_ref());
        self.raw(key, value)
    }

    /// Adds a value that is bencoded already.
    pub fn raw(&mut self, key: impl AsRef<[u8]>, value: Vec<u8>) -> &mut Self {
        self.entries.insert(key.as_ref().to_vec(), value);
        self
    }

    /// Whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bencoded dictionary, keys sorted as raw strings.
    #[must_use]
    pub fn finish(&self) -> Vec<u8> {
        let mut out = Vec::from(b"d");
        for (key, value) in &self.entries {
            encode_bytes(&mut out, key);
            out.extend_from_slice(value);
        }
        out.push(b'e');
        out
    }
}

/// A list under construction.
#[derive(Clone, Debug)]
pub struct ListBuilder {
    out: Vec<u8>,
}

impl Default for ListBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ListBuilder {
    /// The empty list.
    #[must_use]
    pub fn new() -> Self {
        Self {
            out: Vec::from(b"l"),
        }
    }

    /// Adds a string.
    pub fn bytes(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        encode_bytes(&mut self.out, bytes.as_ref());
        self
    }

    /// Adds an integer.
    pub fn int(&mut self, number: i64) -> &mut Self {
        encode_int(&mut self.out, number);
        self
    }

    /// Adds a value that is bencoded already.
    pub fn raw(&mut self, value: &[u8]) -> &mut Self {
        self.out.extend_from_slice(value);
        self
    }

    /// The bencoded list.
    #[must_use]
    pub fn finish(mut self) -> Vec<u8> {
        self.out.push(b'e');
        self.out
    }
}
