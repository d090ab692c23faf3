//! Reads the body of an answer, with a limit on its received and on its decompressed size.

use std::io::Read as _;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::CONTENT_ENCODING;
use tokio::time::Instant as Clock;

use super::connect::Deadline;
use super::{HttpError, Phase};

/// Most bytes of a body, both as received and after decompression. libtorrent: 1 MiB.
pub(super) const MAX_BODY_BYTES: usize = 1 << 20;
/// Time limit between two parts of a body. libtorrent: 10 s.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// Reads the whole body.
pub(super) async fn read(
    response: Response<Incoming>,
    end: Clock,
    most: usize,
) -> Result<Vec<u8>, HttpError> {
    let encoding = response.headers().get(CONTENT_ENCODING);
    let encoding = encoding.map(|it| String::from_utf8_lossy(it.as_bytes()).to_ascii_lowercase());
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    loop {
        let deadline = Deadline::new(Phase::Body, BODY_PATIENCE, end);
        let Some(frame) = deadline.limit(body.frame()).await? else {
            break;
        };
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > most {
            return Err(HttpError::TooLong(most));
        }
        bytes.extend_from_slice(&data);
    }
    match encoding.as_deref().map(str::trim) {
        None | Some("" | "identity") => Ok(bytes),
        Some("gzip" | "x-gzip") => inflate(&bytes, most),
        Some(other) => Err(HttpError::Encoding(unchoke_core::text::printable(
            other.as_bytes(),
            40,
        ))),
    }
}

fn inflate(packed: &[u8], most: usize) -> Result<Vec<u8>, HttpError> {
    // Some trackers declare gzip and send plain bytes.
    if !packed.starts_with(&[0x1f, 0x8b]) {
        return Ok(packed.to_vec());
    }
    let mut bytes = Vec::new();
    let reader = MultiGzDecoder::new(packed).take(most as u64 + 1);
    { reader }
        .read_to_end(&mut bytes)
        .map_err(HttpError::Inflate)?;
    if bytes.len() > most {
        return Err(HttpError::Bomb(most));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    fn unpacked(bytes: &[u8]) -> Result<Vec<u8>, HttpError> {
        inflate(bytes, MAX_BODY_BYTES)
    }

    #[test]
    fn what_is_packed_is_unpacked_up_to_a_bound() {
        assert_eq!(
            unpacked(&packed(b"d5:peers0:e")).expect("good"),
            b"d5:peers0:e"
        );
        let most = vec![0; MAX_BODY_BYTES];
        assert_eq!(unpacked(&packed(&most)).expect("just fits"), most);
        let bomb = packed(&vec![0; MAX_BODY_BYTES * 8]);
        assert!(bomb.len() < MAX_BODY_BYTES / 10, "{}", bomb.len());
        assert!(matches!(unpacked(&bomb), Err(HttpError::Bomb(_))));
        let mut broken = packed(&most);
        broken.truncate(broken.len() / 2);
        assert!(matches!(unpacked(&broken), Err(HttpError::Inflate(_))));
        assert_eq!(unpacked(b"de").expect("not packed"), b"de");
    }
}
