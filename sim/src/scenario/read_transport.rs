//! Reads the transport: headers, slow start, windows, loss.

use std::time::Duration;

use super::error::Problem;
use super::section::{Section, Size};
use crate::transport::{MAX_HEADER_BYTES, TransportSpec};
use crate::units::Share;

/// Longest extra time for setting up a connection: a dialler gives up after 15 s.
const MAX_CONNECT_TIME: Duration = Duration::from_secs(10);

/// Shortest time for uneven shares. Shares that change faster are even on average.
const LEAST_UNEVEN: Duration = Duration::from_millis(100);

/// The table `network.transport`.
pub(super) fn transport(section: &Section<'_>) -> Result<TransportSpec, Problem> {
    section.only(&[
        "connect_time",
        "headers",
        "initial_window",
        "loss",
        "packets_per_ack",
        "rtt_bias",
        "segment",
        "uneven",
        "window",
    ])?;
    let plain = TransportSpec::PLAIN;
    let size = |key, most: u32| match section.optional::<Size>(key)? {
        Some(Size(bytes)) => match u32::try_from(bytes) {
            Ok(bytes) if bytes <= most => Ok(Some(bytes)),
            _ => Err(section.wrong(key, format!("a size of at most \"{most} B\""))),
        },
        None => Ok(None),
    };
    let headers = size("headers", MAX_HEADER_BYTES)?;
    let packets_per_ack = section.number("packets_per_ack", 1, 1000)?;
    if packets_per_ack.is_some() && headers.is_none() {
        return Err(section.wrong("packets_per_ack", "headers beside packets_per_ack"));
    }
    let segment = size("segment", 65_495)?;
    let header_bytes = headers.unwrap_or(plain.header_bytes);
    let segment_bytes = segment.unwrap_or(plain.segment_bytes);
    if header_bytes > segment_bytes {
        let expected = format!("a size of at most the segment, \"{segment_bytes} B\"");
        return Err(section.wrong("headers", expected));
    }
    let loss: Share = section.optional("loss")?.unwrap_or(Share::NONE);
    if loss.millionths() > Share::ALL.millionths() / 2 {
        return Err(section.wrong("loss", "at most \"50 %\""));
    }
    let connect_time = section.optional("connect_time")?.unwrap_or(Duration::ZERO);
    if connect_time > MAX_CONNECT_TIME {
        return Err(section.wrong("connect_time", "a time of at most \"10 s\""));
    }
    Ok(TransportSpec {
        header_bytes,
        segment_bytes,
        packets_per_ack: packets_per_ack.unwrap_or(plain.packets_per_ack),
        initial_window: section.number("initial_window", 1, 1000)?,
        window_bytes: section.optional::<Size>("window")?.map(|it| it.0),
        loss,
        rtt_bias: section.optional("rtt_bias")?.unwrap_or(plain.rtt_bias),
        uneven: section.time("uneven", LEAST_UNEVEN)?,
        connect_time,
    })
}
