//! Quantities as text are read and written exactly.

use std::time::Duration;

use proptest::prelude::*;
use unchoke_sim::units::{
    Decimal, MAX_RATE, Share, UnitError, parse_measured, parse_rate, parse_size, parse_time,
    show_rate, show_size, show_time,
};

#[test]
fn rates_are_bytes_per_second() {
    for (text, bytes) in [
        ("10 Mbit/s", 1_250_000),
        ("1.5 Mbit/s", 187_500),
        ("1500 kbit/s", 187_500),
        ("8 bit/s", 1),
        ("128 KB/s", 128_000),
        ("128 kB/s", 128_000),
        ("128 KiB/s", 131_072),
        ("0.5KiB/s", 512),
        ("1_000 B/s", 1000),
        ("1 Gbit/s", 125_000_000),
        ("128 Gbit/s", 16_000_000_000),
        ("0 B/s", 0),
    ] {
        assert_eq!(parse_rate(text), Ok(bytes), "{text}");
    }
}

#[test]
fn what_is_no_rate_says_why() {
    for (text, error) in [
        ("1 bit/s", UnitError::NotWhole),
        ("0.3 B/s", UnitError::NotWhole),
        ("10 Mbps", UnitError::UnknownUnit),
        ("10 MB", UnitError::UnknownUnit),
        ("10 mbit/s", UnitError::UnknownUnit),
        ("10", UnitError::UnknownUnit),
        ("-10 B/s", UnitError::NoNumber),
        ("fast", UnitError::NoNumber),
        ("", UnitError::NoNumber),
        ("1.2.3 B/s", UnitError::NoNumber),
        (".5 kB/s", UnitError::NoNumber),
        ("1. kB/s", UnitError::NoNumber),
        ("1e6 B/s", UnitError::UnknownUnit),
        ("129 Gbit/s", UnitError::TooLarge),
        ("99999999999999999999 B/s", UnitError::TooLarge),
        ("0.0000000000000000001 kB/s", UnitError::NotWhole),
    ] {
        assert_eq!(parse_rate(text), Err(error), "{text}");
    }
}

#[test]
fn sizes_and_times_and_shares() {
    assert_eq!(parse_size("256 KiB"), Ok(262_144));
    assert_eq!(parse_size("100 MB"), Ok(100_000_000));
    assert_eq!(parse_size("1.77 GB"), Ok(1_770_000_000));
    assert_eq!(parse_size("0.5 B"), Err(UnitError::NotWhole));
    assert_eq!(parse_time("25 ms"), Ok(Duration::from_millis(25)));
    assert_eq!(parse_time("2 h"), Ok(Duration::from_hours(2)));
    assert_eq!(parse_time("1.5 min"), Ok(Duration::from_secs(90)));
    assert_eq!(parse_time("3 d"), Ok(Duration::from_hours(72)));
    assert_eq!(parse_time("300000 d"), Err(UnitError::TooLarge));
    assert_eq!(Share::parse("20 %").map(Share::millionths), Ok(200_000));
    assert_eq!(Share::parse("0.0001 %").map(Share::millionths), Ok(1));
    assert_eq!(Share::parse("100.0001 %"), Err(UnitError::TooLarge));
    assert_eq!(Share::parse("0.00001 %"), Err(UnitError::NotWhole));
    assert_eq!(Share::parse("0.2"), Err(UnitError::UnknownUnit));
    assert_eq!(Decimal::parse("0.6").map(Decimal::millionths), Ok(600_000));
}

#[test]
fn a_share_of_a_count_is_rounded_to_the_nearest() {
    let share = Share::parse("12.5 %").expect("a share");
    assert_eq!(
        [share.of(0), share.of(3), share.of(4), share.of(1000)],
        [0, 0, 1, 125]
    );
    assert_eq!(Share::ALL.of(u32::MAX), u32::MAX);
}

proptest! {
    #[test]
    fn what_is_shown_is_read_back(value in any::<u64>(), rate in 0..=MAX_RATE) {
        let time = Duration::from_nanos(value);
        prop_assert_eq!(parse_time(&show_time(time)), Ok(time));
        prop_assert_eq!(parse_size(&show_size(value)), Ok(value));
        prop_assert_eq!(parse_rate(&show_rate(rate)), Ok(rate));
        let decimal = Decimal::from_millionths(value / 64);
        prop_assert_eq!(Decimal::parse(&decimal.to_string()), Ok(decimal));
        let share = Share::from_millionths(u32::try_from(value % 1_000_001).expect("small"));
        prop_assert_eq!(Share::parse(&share.expect("at most all").to_string()).ok(), share);
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in ".{0,40}") {
        let _ = (parse_rate(&text), parse_size(&text), parse_time(&text));
        let _ = (Share::parse(&text), Decimal::parse(&text));
    }
}

#[test]
fn measured_numbers_are_read_as_programs_write_them() {
    let nanos = |text| parse_measured(text, 1_000_000_000);
    for (text, expected) in [
        ("30", 30_000_000_000),
        ("0.3333333333333333", 333_333_333),
        ("0.6666666666666666666666", 666_666_667),
        ("1e3", 1_000_000_000_000),
        ("1.5E-3", 1_500_000),
        ("2.5e-10", 0),
        ("5e-10", 1),
        ("1e-400", 0),
        ("007", 7_000_000_000),
    ] {
        assert_eq!(nanos(text), Ok(expected), "{text}");
    }
    for text in [
        "", ".", "-1", "+1", "1e", "1e1.5", "1_0", "nan", "0x1", "1 s", "1.2.3",
    ] {
        assert_eq!(nanos(text), Err(UnitError::NoNumber), "{text}");
    }
    for text in [
        "1e20",
        "99999999999999999999999999999999999999999999",
        "1e999999999",
    ] {
        assert_eq!(nanos(text), Err(UnitError::TooLarge), "{text}");
    }
}

proptest! {
    #[test]
    fn measured_numbers_are_rounded_like_floats(value in 0.0..1e6_f64) {
        let parsed = parse_measured(&format!("{value}"), 1_000_000).expect("a number");
        let parsed_e = parse_measured(&format!("{value:e}"), 1_000_000).expect("a number");
        prop_assert_eq!(parsed, parsed_e);
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        let error = (parsed as f64 - value * 1e6).abs();
        prop_assert!(error <= 0.5 + 1e-3);
    }
}
