//! What theory expects of a scenario. Every input comes from the scenario itself, so a plan cannot
//! contradict it.

use serde::Deserialize;
use unchoke_sim::distribution::Law;
use unchoke_sim::scenario::{Arrivals, Capacity, Scenario, StayModel};

/// A closed form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Formula {
    /// Mean download time, s. Qiu and Srikant 2004 for θ = 0 and η = 1: `max{1/c, 1/μ − 1/γ}`, with
    /// rates in files/s. The paper has no origin. An origin that serves the share f of the demand λ
    /// changes the balance of rates to `(1 − f)/μ − 1/γ`.
    QiuSrikant,
    /// Growth of the crowd per arrival when every peer lacks only the same one piece: `1 − U/λ`,
    /// where U is the origin's rate in pieces/s. If peers stay after completing, it is divided by
    /// `1 − μ/γ`. 0 where the result is negative. Hajek and Zhu 2010.
    OneClub,
}

/// Inputs of the formulas, from a scenario with Poisson arrivals on equal links.
struct Rates {
    file_bytes: f64,
    piece_bytes: f64,
    up: f64,
    down: f64,
    origin_up: f64,
    /// Arrivals/s.
    arrivals: f64,
    /// Mean stay after completion, s.
    dwell: f64,
}

fn rates(scenario: &Scenario) -> Option<Rates> {
    let Capacity::Classes(classes) = &scenario.peers.capacity else {
        return None;
    };
    let [class] = classes.as_slice() else {
        return None;
    };
    let Arrivals::Poisson { mean_gap } = &scenario.peers.arrivals else {
        return None;
    };
    let origins = scenario.origins.iter();
    Some(Rates {
        file_bytes: scenario.geometry.total_bytes() as f64,
        piece_bytes: f64::from(scenario.geometry.piece_bytes()),
        up: class.access.up as f64,
        down: class.access.down as f64,
        origin_up: origins
            .map(|it| f64::from(it.count) * it.access.up as f64)
            .sum(),
        arrivals: 1.0 / mean_gap.as_secs_f64(),
        dwell: match &scenario.peers.stay {
            StayModel::AtOnce => 0.0,
            StayModel::For(Law::Exponential { mean }) => mean.as_secs_f64(),
            StayModel::For(_) | StayModel::Forever => return None,
        },
    })
}

/// The value of the formula; NaN for scenarios to which it does not apply.
#[must_use]
pub fn value(formula: Formula, scenario: &Scenario) -> f64 {
    let Some(it) = rates(scenario) else {
        return f64::NAN;
    };
    match formula {
        Formula::QiuSrikant => {
            let share = it.origin_up / (it.arrivals * it.file_bytes);
            let by_upload = (1.0 - share) * it.file_bytes / it.up - it.dwell;
            by_upload.max(it.file_bytes / it.down)
        }
        Formula::OneClub => {
            let seeding = it.up / it.piece_bytes * it.dwell;
            let served = it.origin_up / it.piece_bytes / (1.0 - seeding).max(0.0);
            (1.0 - served / it.arrivals).max(0.0)
        }
    }
}

/// Shortest time to bring a file in `parts` parts from a server to `users` users that all upload at
/// the rate `up`, s: `(1 + floor(log2 users) / parts) size / up`. Mundinger, Weber and Weiss 2008.
#[must_use]
pub fn mundinger(size: f64, up: f64, users: u32, parts: u32) -> f64 {
    (1.0 + f64::from(users.ilog2()) / f64::from(parts)) * size / up
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario(set: &[&str]) -> Scenario {
        let set: Vec<String> = set.iter().map(|it| (*it).to_owned()).collect();
        Scenario::builtin("poisson-steady", &set).expect("a scenario")
    }

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-9 * b.abs().max(1.0), "{a} is not {b}");
    }

    #[test]
    fn qiu_and_srikant_by_hand() {
        let base = [
            "size=100 MB",
            "peers.class.0.up=1 MB/s",
            "peers.class.0.down=4 MB/s",
            "peers.arrivals.mean_gap=10 s",
            "origin.0.up=1 MB/s",
        ];
        // Demand 10 MB/s, a tenth of it served by the origin. Each peer uploads for 100 s, 30 s of
        // it as a seed.
        let stay = |text| scenario(&[&base[..], &[text]].concat());
        close(
            value(Formula::QiuSrikant, &stay("peers.stay.mean=30 s")),
            60.0,
        );
        close(
            value(Formula::QiuSrikant, &stay("peers.stay.mean=200 s")),
            25.0,
        );
        let club = scenario(&["peers.stay={model=\"forever\"}"]);
        assert!(value(Formula::QiuSrikant, &club).is_nan());
    }

    #[test]
    fn one_club_by_hand() {
        let base = [
            "size=1 MiB",
            "piece=64 KiB",
            "peers.class.0.up=64 KiB/s",
            "origin.0.up=32 KiB/s",
            "peers.arrivals.mean_gap=1 s",
        ];
        // The origin sends half a piece per second; one peer per second arrives.
        let stay = |text| scenario(&[&base[..], &[text]].concat());
        let at_once = "peers.stay={model=\"at_once\"}";
        close(value(Formula::OneClub, &stay(at_once)), 0.5);
        // Each peer that stays passes on a quarter of a piece, so two thirds of a peer per second.
        close(
            value(Formula::OneClub, &stay("peers.stay.mean=0.25 s")),
            1.0 / 3.0,
        );
        close(
            value(Formula::OneClub, &stay("peers.stay.mean=0.75 s")),
            0.0,
        );
    }

    #[test]
    fn mundinger_by_hand() {
        // One server and one user: one transfer. Three users, one part: two rounds. Three users,
        // two parts: three half rounds.
        close(mundinger(100.0, 10.0, 1, 1), 10.0);
        close(mundinger(100.0, 10.0, 3, 1), 20.0);
        close(mundinger(100.0, 10.0, 3, 2), 15.0);
    }
}
