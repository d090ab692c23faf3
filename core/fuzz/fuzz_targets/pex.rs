#![no_main]

#[path = "../../tests/corpora/datagrams.rs"]
#[allow(dead_code)]
mod datagrams;
#[path = "../../tests/corpora/exchanges.rs"]
#[allow(dead_code)]
mod exchanges;
#[path = "../../tests/corpora/properties.rs"]
#[allow(dead_code)]
mod properties;

libfuzzer_sys::fuzz_target!(|input: &[u8]| properties::pex(input));
