//! SOCKS5, compared byte by byte with RFC 1928 and RFC 1929.

use proptest::prelude::*;
use unchoke_core::socks5::{Socks5, Socks5Error, Target};

fn name() -> Target {
    Target::Name("t.example".into(), 80)
}

/// Hands in `answers` one after the other. Returns everything that was sent.
fn talk(
    target: &Target,
    login: Option<(&[u8], &[u8])>,
    answers: &[&[u8]],
) -> Result<Vec<Vec<u8>>, Socks5Error> {
    let mut proxy = Socks5::new(target, login)?;
    let mut sent = vec![proxy.take_output()];
    for answer in answers {
        assert_eq!(proxy.wants(), Some(answer.len()));
        proxy.handle_input(answer)?;
        sent.push(proxy.take_output());
    }
    assert_eq!(proxy.wants(), None, "it is open");
    sent.retain(|it| !it.is_empty());
    Ok(sent)
}

#[test]
fn a_name_is_looked_up_by_the_proxy() {
    let sent = talk(&name(), None, &[&[5, 0], &[5, 0, 0, 1], &[0; 6]]);
    let request = b"\x05\x01\x00\x03\x09t.example\x00\x50".to_vec();
    assert_eq!(sent, Ok(vec![vec![5, 1, 0], request]));
}

#[test]
fn addresses_of_both_families() {
    let four = Target::Address("[::ffff:1.2.3.4]:258".parse().expect("an address"));
    let sent = talk(&four, None, &[&[5, 0], &[5, 0, 0, 4], &[0; 18]]).expect("open");
    assert_eq!(sent[1], [5, 1, 0, 1, 1, 2, 3, 4, 1, 2]);
    let six = Target::Address("[::1]:80".parse().expect("an address"));
    let sent = talk(&six, None, &[&[5, 0], &[5, 0, 0, 3], &[3], &[0; 5]]).expect("open");
    assert_eq!(sent[1], [&[5, 1, 0, 4][..], &[0; 15], &[1, 0, 80]].concat());
}

#[test]
fn a_password_is_sent_if_it_is_asked_for() {
    let login: Option<(&[u8], &[u8])> = Some((b"me", b"p@ss"));
    let answers: [&[u8]; 4] = [&[5, 2], &[1, 0], &[5, 0, 0, 1], &[0; 6]];
    let sent = talk(&name(), login, &answers).expect("open");
    assert_eq!(sent[0], [5, 2, 0, 2]);
    assert_eq!(sent[1], b"\x01\x02me\x04p@ss");
    assert_eq!(sent.len(), 3);
    // The proxy may not require the password.
    assert_eq!(
        talk(&name(), login, &[&[5, 0], &[5, 0, 0, 1], &[0; 6]]).map(|it| it.len()),
        Ok(2)
    );
}

#[test]
fn refusals_are_told() {
    let login: Option<(&[u8], &[u8])> = Some((b"me", b"no"));
    let refused = |login, answers: &[&[u8]]| talk(&name(), login, answers).expect_err("refused");
    assert_eq!(refused(None, &[&[5, 2]]), Socks5Error::LoginWanted);
    assert_eq!(refused(None, &[&[5, 0xff]]), Socks5Error::LoginWanted);
    assert_eq!(
        refused(login, &[&[5, 2], &[1, 1]]),
        Socks5Error::LoginRefused
    );
    assert_eq!(refused(None, &[b"HT"]), Socks5Error::NotSocks5);
    assert_eq!(
        refused(None, &[&[5, 0], &[5, 0, 0, 9]]),
        Socks5Error::NotSocks5
    );
    for code in 1..=255 {
        let error = refused(None, &[&[5, 0], &[5, code, 0, 1]]);
        assert_eq!(error, Socks5Error::Refused(code));
    }
    let long = "x".repeat(256);
    let target = Target::Name(long.clone(), 1);
    assert_eq!(
        Socks5::new(&target, None).err(),
        Some(Socks5Error::NameTooLong)
    );
    let login = Some((long.as_bytes(), &b""[..]));
    assert_eq!(
        Socks5::new(&name(), login).err(),
        Some(Socks5Error::NameTooLong)
    );
}

proptest! {
    /// The exchange is short, whatever the proxy sends.
    #[test]
    fn any_answer_leads_to_an_end(mut bytes in prop::collection::vec(any::<u8>(), 300)) {
        bytes[0] = 5;
        let mut proxy = Socks5::new(&name(), Some((b"a", b"b"))).expect("short names");
        let mut steps = 0;
        while let Some(length) = proxy.wants() {
            let rest = bytes.split_off(length);
            if proxy.handle_input(&bytes).is_err() {
                break;
            }
            bytes = rest;
            steps += 1;
            prop_assert!(steps <= 5);
        }
    }
}
