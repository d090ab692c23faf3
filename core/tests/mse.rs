//! Message stream encryption: both sides against each other, with any cuts, and hostile peers.

use proptest::collection::vec;
use proptest::prelude::*;
use unchoke_core::ids::InfoHash;
use unchoke_core::mse::{
    Acceptor, Entropy, Established, Exchange, Initiator, KEY_BYTES, MAX_INITIAL_BYTES,
    MAX_PAD_BYTES, Methods, MseError, PLAIN_PREFIX,
};

const TORRENT: InfoHash = InfoHash([0xaa; 20]);
const PLAINTEXT: Methods = Methods {
    plaintext: true,
    rc4: false,
};

fn entropy(key: u8, first: usize, second: usize) -> Entropy {
    Entropy {
        private_key: [key; 20],
        first_pad: vec![key; first],
        second_pad: vec![!key; second],
    }
}

fn initiator(offer: Methods) -> (Initiator, Vec<u8>) {
    Initiator::new(TORRENT, offer, entropy(3, 17, 40), b"hello".to_vec())
}

fn acceptor(allowed: Methods) -> Acceptor {
    let torrents = vec![InfoHash([1; 20]), TORRENT];
    Acceptor::new(torrents, allowed, entropy(9, 400, 3))
}

/// Hands `bytes` to `side` in pieces of `cut` bytes.
fn feed(
    side: &mut impl Exchange,
    bytes: &[u8],
    cut: usize,
) -> Result<(Vec<u8>, Option<Established>), MseError> {
    let (mut send, mut established) = (Vec::new(), None::<Established>);
    for part in bytes.chunks(cut) {
        if let Some(done) = &mut established {
            // The payload follows the handshake, and the driver decrypts it.
            let payload = opened_by(done, part);
            done.early.extend(payload);
            continue;
        }
        let progress = side.receive(part)?;
        send.extend(progress.send);
        established = progress.established;
    }
    Ok((send, established))
}

/// Runs a whole handshake. Returns both results.
fn meet(
    (mut a, first): (Initiator, Vec<u8>),
    mut b: Acceptor,
    cut: usize,
) -> Result<(Established, Established), MseError> {
    let (to_a, none) = feed(&mut b, &first, cut)?;
    assert!(none.is_none(), "established with only a key");
    let (to_b, none) = feed(&mut a, &to_a, cut)?;
    assert!(none.is_none(), "established without a selection");
    let (to_a, of_b) = feed(&mut b, &to_b, cut)?;
    let (rest, of_a) = feed(&mut a, &to_a, cut)?;
    assert!(rest.is_empty());
    Ok((of_a.expect("established"), of_b.expect("established")))
}

fn secret_of(side: &mut Established, text: &[u8]) -> Vec<u8> {
    let mut bytes = text.to_vec();
    if let Some(ciphers) = &mut side.ciphers {
        ciphers.outgoing.apply(&mut bytes);
    }
    bytes
}

fn opened_by(side: &mut Established, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if let Some(ciphers) = &mut side.ciphers {
        ciphers.incoming.apply(&mut bytes);
    }
    bytes
}

#[test]
fn methods_are_chosen_as_both_sides_allow() {
    // Offered methods, allowed methods, and whether the payload is encrypted; `None`: no common
    // method.
    let table = [
        (Methods::BOTH, Methods::BOTH, Some(false)),
        (Methods::BOTH, Methods::RC4, Some(true)),
        (Methods::RC4, Methods::BOTH, Some(true)),
        (PLAINTEXT, Methods::BOTH, Some(false)),
        (PLAINTEXT, Methods::RC4, None),
        (Methods::RC4, PLAINTEXT, None),
    ];
    for (offered, allowed, expected) in table {
        let met = meet(initiator(offered), acceptor(allowed), 1000);
        let Some(encrypted) = expected else {
            assert!(matches!(met, Err(MseError::NoCommonMethod { .. })));
            continue;
        };
        let (mut a, mut b) = met.expect("a common method");
        assert_eq!(a.ciphers.is_some(), encrypted, "{offered:?} {allowed:?}");
        assert_eq!((a.info_hash, b.info_hash), (TORRENT, TORRENT));
        assert_eq!(b.early, b"hello");
        let sent = secret_of(&mut a, b"to b");
        assert_eq!(sent != b"to b", encrypted);
        assert_eq!(opened_by(&mut b, &sent), b"to b");
        let sent = secret_of(&mut b, b"to a");
        assert_eq!(opened_by(&mut a, &sent), b"to a");
    }
}

#[test]
fn payload_that_comes_with_the_last_bytes_is_handed_over() {
    for allowed in [Methods::BOTH, Methods::RC4] {
        let (mut a, first) = initiator(Methods::BOTH);
        let mut b = acceptor(allowed);
        let (to_a, _) = feed(&mut b, &first, 64).expect("a good key");
        let (to_b, _) = feed(&mut a, &to_a, 64).expect("a good key");
        let (mut to_a, of_b) = feed(&mut b, &to_b, 64).expect("a good offer");
        to_a.extend(secret_of(&mut of_b.expect("established"), b"early"));
        let (_, of_a) = feed(&mut a, &to_a, usize::MAX).expect("a good selection");
        assert_eq!(of_a.expect("established").early, b"early");
    }
}

#[test]
fn a_plain_peer_is_told_from_an_encrypted_one() {
    let (mut a, _) = initiator(Methods::BOTH);
    let reply = a.receive(PLAIN_PREFIX);
    assert_eq!(reply.err(), Some(MseError::PlainReply));
}

#[test]
fn a_torrent_that_we_do_not_have_is_refused() {
    let b = Acceptor::new(vec![InfoHash([1; 20])], Methods::BOTH, entropy(9, 0, 0));
    let met = meet(initiator(Methods::BOTH), b, 33);
    assert_eq!(met.err(), Some(MseError::UnknownTorrent));
}

#[test]
fn a_pad_without_an_end_is_refused_within_its_limit() {
    let mut b = acceptor(Methods::BOTH);
    let (_, first) = initiator(Methods::BOTH);
    feed(&mut b, &first[..KEY_BYTES], KEY_BYTES).expect("a good key");
    let mut taken = 0;
    let error = loop {
        match b.receive(&[0x55; 7]) {
            Ok(_) => taken += 7,
            Err(error) => break error,
        }
    };
    assert_eq!(error, MseError::NoMark);
    assert!(taken < MAX_PAD_BYTES + 20, "{taken} bytes were taken");
}

#[test]
fn the_longest_pads_and_first_payload_are_accepted_and_longer_ones_refused() {
    let longest = |initial: usize| {
        let entropy = entropy(3, MAX_PAD_BYTES, MAX_PAD_BYTES);
        Initiator::new(TORRENT, Methods::RC4, entropy, vec![7; initial])
    };
    let own = || {
        let entropy = entropy(9, MAX_PAD_BYTES, MAX_PAD_BYTES);
        Acceptor::new(vec![TORRENT], Methods::RC4, entropy)
    };
    let (_, b) = meet(longest(MAX_INITIAL_BYTES), own(), 100).expect("within the limits");
    assert_eq!(b.early.len(), MAX_INITIAL_BYTES);
    let met = meet(longest(MAX_INITIAL_BYTES + 1), own(), 100);
    assert_eq!(met.err(), Some(MseError::LongInitial(1025)));
}

proptest! {
    #[test]
    fn a_handshake_works_however_it_is_cut(
        cut in 1_usize..700,
        pads in (0..=MAX_PAD_BYTES, 0..=MAX_PAD_BYTES, 0..=MAX_PAD_BYTES, 0..=MAX_PAD_BYTES),
        initial in vec(any::<u8>(), 0..200),
    ) {
        let a = Initiator::new(TORRENT, Methods::BOTH, entropy(3, pads.0, pads.1), initial.clone());
        let b = Acceptor::new(vec![TORRENT], Methods::RC4, entropy(9, pads.2, pads.3));
        let (mut a, mut b) = meet(a, b, cut).expect("both sides are honest");
        prop_assert_eq!(&b.early, &initial);
        let sent = secret_of(&mut b, b"payload");
        prop_assert_eq!(opened_by(&mut a, &sent), b"payload");
    }

    #[test]
    fn random_bytes_are_refused_and_never_panic(bytes in vec(any::<u8>(), 0..2000), cut in 1_usize..300) {
        let mut b = acceptor(Methods::BOTH);
        let (mut a, _) = initiator(Methods::BOTH);
        for established in [feed(&mut a, &bytes, cut), feed(&mut b, &bytes, cut)] {
            prop_assert!(!matches!(established, Ok((_, Some(_)))), "random bytes passed");
        }
    }

    #[test]
    fn one_changed_byte_is_an_error_a_wait_or_only_in_a_pad(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let (mut a, first) = initiator(Methods::BOTH);
        let mut b = acceptor(Methods::RC4);
        let (to_a, _) = feed(&mut b, &first, 1000).expect("a good key");
        let (mut to_b, _) = feed(&mut a, &to_a, 1000).expect("a good key");
        let at = at.index(to_b.len());
        to_b[at] ^= flip;
        if let Ok((_, Some(established))) = feed(&mut b, &to_b, 1000) {
            // A changed pad, offered bit or first payload goes unnoticed, because MSE has no
            // authentication.
            prop_assert_eq!(established.info_hash, TORRENT);
            prop_assert!(at >= 48, "byte {} matters", at);
        }
    }
}
