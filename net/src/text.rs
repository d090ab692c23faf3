//! Formats and parses quantities.

use std::time::Duration;

use unchoke_core::text::escaped;

/// Formats a number of bytes for people, in binary units.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut scale = 1;
    while count / scale >= 1024 && unit + 1 < UNITS.len() {
        unit += 1;
        scale *= 1024;
    }
    if unit == 0 {
        return format!("{count} B");
    }
    // Tenths by integer division, rounded down: a part must not look complete before it is.
    let tenths = u128::from(count) * 10 / u128::from(scale);
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// Formats a duration for people, to the second, and to a tenth of it below one second.
#[must_use]
pub fn clock(duration: Duration) -> String {
    let s = duration.as_secs();
    match (s / 3600, s / 60 % 60, s % 60) {
        (0, 0, 0) if duration.subsec_millis() >= 100 => {
            format!("0.{} s", duration.subsec_millis() / 100)
        }
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m}:{s:02} min"),
        (h, m, _) if h < 100 => format!("{h}:{m:02} h"),
        (h, _, _) => format!("{} days", h / 24),
    }
}

/// Formats a time as date and time in UTC, `2020-06-03 09:31:46 UTC`. `None` outside the years 1 to
/// 9999: such values are not meant as dates.
#[must_use]
pub fn date(s_since_1970: i64) -> Option<String> {
    const S_PER_DAY: i64 = 86_400;
    // Days since 0000-03-01 in the Gregorian calendar. With years starting in March, a leap day is
    // the last day of its year.
    let days = s_since_1970.div_euclid(S_PER_DAY).checked_add(719_468)?;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March on, the lengths of the months repeat: 31, 30, 31, 30, 31 days.
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era.checked_mul(400)? + year + next;
    let s = s_since_1970.rem_euclid(S_PER_DAY);
    let (hour, min, s) = (s / 3600, s / 60 % 60, s % 60);
    (1..=9999)
        .contains(&year)
        .then(|| format!("{year:04}-{month:02}-{day:02} {hour:02}:{min:02}:{s:02} UTC"))
}

/// The URL in a form that is safe to show: without the user name and password before the host, and
/// with escapes for characters that could harm a terminal.
#[must_use]
pub fn shown_url(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(start);
    let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
    // If a password is not encoded correctly, hide too much rather than too little: if the text
    // before the path is not a host with a port, everything up to the last `@` may be the password.
    let port = rest[..end].rsplit_once(':').map_or("", |it| it.1);
    let odd = !port.ends_with(']') && !port.bytes().all(|it| it.is_ascii_digit());
    let at = rest[..end].rfind('@');
    match at.or_else(|| rest.rfind('@').filter(|_| odd)) {
        Some(at) => escaped([scheme, "...", &rest[at..]].concat().as_bytes()),
        None => escaped(url.as_bytes()),
    }
}

fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    Some((number, text[end..].trim()))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked"
)]
fn scaled(number: f64, scale: f64, text: &str) -> Result<u64, String> {
    let value = number * scale;
    if value.is_finite() && (0.0..9e15).contains(&value) {
        Ok(value as u64)
    } else {
        Err(format!("`{text}` is too large"))
    }
}

fn byte_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "" | "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "K" | "k" | "KiB" => 1024.0,
        "M" | "MiB" => 1024.0 * 1024.0,
        "G" | "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    })
}

/// Parses a size such as `262144`, `256K`, `256 KiB`, `1.5 MB`.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let parsed = number_and_unit(text).and_then(|(number, unit)| Some((number, byte_unit(unit)?)));
    let (number, scale) =
        parsed.ok_or_else(|| format!("`{text}` is not a size; write for example `256 KiB`"))?;
    scaled(number, scale, text)
}

/// Parses a rate such as `500K`, `2 MiB/s`, `10 Mbit/s`, in bytes/s. Rejects zero.
pub fn parse_rate(text: &str) -> Result<u64, String> {
    let parsed = number_and_unit(text).and_then(|(number, unit)| {
        let scale = match unit {
            "kbit/s" | "Kbit/s" => 1e3 / 8.0,
            "Mbit/s" => 1e6 / 8.0,
            "Gbit/s" => 1e9 / 8.0,
            other => byte_unit(other.strip_suffix("/s").unwrap_or(other))?,
        };
        Some((number, scale))
    });
    let (number, scale) = parsed.ok_or_else(|| {
        format!("`{text}` is not a rate; write for example `2 MiB/s` or `10 Mbit/s`")
    })?;
    match scaled(number, scale, text)? {
        0 => Err(format!("`{text}` is less than a byte per second")),
        rate => Ok(rate),
    }
}

/// Parses a duration such as `90`, `90 s`, `5 min`, `2 h`, `500 ms`. Rejects zero.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let parsed = number_and_unit(text).and_then(|(number, unit)| {
        let ms = match unit {
            "ms" => 1.0,
            "" | "s" => 1e3,
            "min" | "m" => 6e4,
            "h" => 3.6e6,
            _ => return None,
        };
        Some((number, ms))
    });
    let (number, scale) = parsed.ok_or_else(|| {
        format!("`{text}` is not a duration; write for example `30 s` or `5 min`")
    })?;
    match scaled(number, scale, text)? {
        0 => Err(format!("`{text}` is less than a millisecond")),
        ms => Ok(Duration::from_millis(ms)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_parse_with_their_units() {
        assert_eq!(parse_bytes("256 KiB"), Ok(262_144));
        assert_eq!(parse_bytes("1.5MB"), Ok(1_500_000));
        assert_eq!(parse_rate("10 Mbit/s"), Ok(1_250_000));
        assert_eq!(parse_rate("2 MiB/s"), Ok(2 << 20));
        assert_eq!(parse_rate("500K"), Ok(512_000));
        assert_eq!(parse_duration("5 min"), Ok(Duration::from_mins(5)));
        assert_eq!(parse_duration("90"), Ok(Duration::from_secs(90)));
        for wrong in [
            "",
            "x",
            "-1",
            "1 parsec",
            "1e99 s",
            "0",
            "999999999999999999 h",
        ] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn people_read_quantities() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes((1 << 20) - 1), "1023.9 KiB");
        assert_eq!(bytes(64 << 20), "64.0 MiB");
        assert_eq!(clock(Duration::from_millis(250)), "0.2 s");
        assert_eq!(clock(Duration::from_secs(59)), "59 s");
        assert_eq!(clock(Duration::from_secs(61)), "1:01 min");
        assert_eq!(clock(Duration::from_mins(121)), "2:01 h");
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (s, text) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (1_591_173_906, "2020-06-03 08:45:06 UTC"),
            (951_782_399, "2000-02-28 23:59:59 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_800, "2000-03-01 00:00:00 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
            (-1, "1969-12-31 23:59:59 UTC"),
            (253_402_300_799, "9999-12-31 23:59:59 UTC"),
            (-62_135_596_800, "0001-01-01 00:00:00 UTC"),
        ] {
            assert_eq!(date(s).as_deref(), Some(text), "{s}");
        }
        for absurd in [253_402_300_800, -62_135_596_801, i64::MAX, i64::MIN] {
            assert_eq!(date(absurd), None, "{absurd}");
        }
    }

    #[test]
    fn users_and_passwords_are_not_shown() {
        for (url, shown) in [
            ("http://host/announce?a=b@c", "http://host/announce?a=b@c"),
            ("http://me:pass@host:80/a@b", "http://...@host:80/a@b"),
            ("http://me:p%40s@x@host", "http://...@host"),
            ("udp://me@host:1", "udp://...@host:1"),
            ("http://me:a?b@host", "http://...@host"),
            ("http://[::1]/a@b", "http://[::1]/a@b"),
            ("http://host:80/a@b", "http://host:80/a@b"),
            ("udp://me:p@q@host:80", "udp://...@host:80"),
            ("http://me:pa/ss@host/announce", "http://...@host/announce"),
            ("http://me:p#x@host/", "http://...@host/"),
            ("me:secret@host", "...@host"),
            ("nonsense@", "...@"),
            ("http://t/\u{1b}[2J", "http://t/\\u{1b}[2J"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }
}
