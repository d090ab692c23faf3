//! Numbers with their nouns.

use unchoke_core::text::counted;

#[test]
fn one_is_not_many() {
    for (count, one, said) in [
        (0, "piece", "0 pieces"),
        (1, "piece", "1 piece"),
        (2, "address", "2 addresses"),
        (1, "address", "1 address"),
        (3, "hash", "3 hashes"),
        (21, "more file", "21 more files"),
    ] {
        assert_eq!(counted(count, one).to_string(), said);
    }
    assert_eq!(counted(1, "file").are(), "1 file is");
    assert_eq!(counted(0, "file").are(), "0 files are");
}
