//! BEP 20, peer id conventions.

use unchoke_core::peer_id::{PREFIX, peer_id};

/// Opening section: "a dash followed by two characters to identify the client implementation, four
/// ascii digits to denote version number, and a dash [...] the remaining bytes are random".
#[test]
fn our_peer_id_is_azureus_style() {
    let id = peer_id([0xff; 12]);
    assert_eq!(id.0[..8], PREFIX);
    assert_eq!(id.0[8..], [0xff; 12]);
    assert_eq!((PREFIX[0], PREFIX[7]), (b'-', b'-'));
    assert!(PREFIX[1..3].iter().all(u8::is_ascii_uppercase));
    assert!(PREFIX[3..7].iter().all(u8::is_ascii_digit));
}
