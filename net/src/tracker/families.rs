//! Announces once over IPv4 and once over IPv6 if the tracker has both kinds of addresses. BEP 7:
//! the tracker then lists us under both.

use std::pin::{Pin, pin};
use std::time::Duration;

use unchoke_core::tracker::AnnounceResponse;

use super::AnnounceError;
use crate::http::HttpError;

/// After one family has answered, the time limit for the other one. A broken route must not delay
/// the peers that the first answer brought.
const GRACE: Duration = Duration::from_secs(2);

type Answer = Result<AnnounceResponse, AnnounceError>;

/// Announces over both families at once. One successful answer is enough.
pub(super) async fn both(
    v4: impl Future<Output = Answer>,
    v6: impl Future<Output = Answer>,
) -> Answer {
    let (mut v4, mut v6) = (pin!(v4), pin!(v6));
    tokio::select! {
        first = &mut v4 => joined(first, v6).await,
        first = &mut v6 => joined(first, v4).await,
    }
}

async fn joined(first: Answer, other: Pin<&mut impl Future<Output = Answer>>) -> Answer {
    match first {
        Ok(mut response) => {
            if let Ok(Ok(more)) = tokio::time::timeout(GRACE, other).await {
                response.add(more);
            }
            Ok(response)
        }
        Err(error) => match other.await {
            Ok(response) => Ok(response),
            // If one family has no address, the error of the other family is more useful.
            Err(AnnounceError::Http(HttpError::Family)) => Err(error),
            Err(other) => Err(other),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str) -> AnnounceResponse {
        AnnounceResponse {
            peers: vec![peer.parse().expect("an address")],
            ..AnnounceResponse::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn two_answers_are_one_and_silence_is_not_waited_for() {
        let (v4, v6) = ("1.2.3.4:5", "[2001:db8::1]:6");
        let late = |it: Answer, seconds| async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            it
        };
        let heard = both(late(Ok(of(v4)), 1), late(Ok(of(v6)), 0)).await;
        assert_eq!(heard.expect("an answer").peers.len(), 2);
        let began = tokio::time::Instant::now();
        let heard = both(late(Ok(of(v4)), 1), std::future::pending()).await;
        assert_eq!(heard.expect("an answer"), of(v4));
        assert_eq!(began.elapsed(), Duration::from_secs(3));
        let none = || Err(AnnounceError::Http(HttpError::Family));
        let heard = both(late(none(), 0), late(Ok(of(v6)), 9)).await;
        assert_eq!(heard.expect("an answer"), of(v6));
        let refused = || Err(AnnounceError::Status(404));
        for (one, two) in [(none(), refused()), (refused(), none())] {
            let heard = both(late(one, 0), late(two, 1)).await;
            assert!(matches!(heard, Err(AnnounceError::Status(404))));
        }
    }
}
