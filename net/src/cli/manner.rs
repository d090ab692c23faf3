//! `--profile` and `--set`: the settings of a client profile, and changes of single keys, spelled
//! as in scenario files.

use std::time::Duration;

use clap::Args;
use unchoke_core::choke::Parameters;
use unchoke_core::pick;
use unchoke_core::profile::{PROFILES, Profile};

use super::Failure;
use crate::parameter::parameter;
use crate::policies;
use crate::record::OriginError;
use crate::session::Settings;
use crate::text::parse_duration;
use crate::tuning::{LastBlocks, Tuning};

/// Default choking policy of a download.
pub(super) const DOWNLOAD_POLICY: &str = "tit_for_tat";

/// Default choking policy of a seed. It gives a free slot to a new peer at once; other peers wait
/// for their next round.
pub(super) const SEED_POLICY: &str = "libtorrent_fixed";

/// Default number of connections without a profile.
pub(super) const CONNECTIONS: u16 = 50;
const PICKER: &str = "rarest_first";

/// Options that set the behaviour of a transfer.
#[derive(Clone, Debug, Args)]
pub(super) struct Manner {
    #[arg(long, help = profiles(), value_name = "NAME", value_parser = parse_profile)]
    pub(super) profile: Option<&'static Profile>,
    /// Set a key of the client as scenarios have it, as in `queue_time=5 s`, `allowed_fast=5` or
    /// `parameters.tick=10 s`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) sets: Vec<String>,
    #[arg(long, help = policy_help(), value_name = "ID")]
    pub(super) policy: Option<String>,
}

fn profiles() -> String {
    let ids: Vec<&str> = PROFILES.iter().map(|it| it.id).collect();
    format!(
        "Behave as this client does where nothing else is set: {}",
        ids.join(", ")
    )
}

fn policy_help() -> String {
    let ids: Vec<&str> = policies::all().each().map(|it| it.id).collect();
    format!("Choking policy: {}", ids.join(", "))
}

fn parse_profile(text: &str) -> Result<&'static Profile, String> {
    Profile::find(text).ok_or_else(|| {
        let known: Vec<&str> = PROFILES.iter().map(|it| it.id).collect();
        format!("known are {}", known.join(", "))
    })
}

/// The behaviour that the options result in.
#[derive(Clone, Debug)]
pub(super) struct Behaviour {
    policy: String,
    parameters: Parameters,
    picker: String,
    max_connections: u16,
    tuning: Tuning,
}

impl Behaviour {
    pub(super) fn max_connections(&self) -> u16 {
        self.max_connections
    }

    pub(super) fn policy(&self) -> &str {
        &self.policy
    }

    pub(super) fn put_into(self, settings: Settings) -> Settings {
        Settings {
            policy: self.policy,
            parameters: self.parameters,
            picker: self.picker,
            max_connections: self.max_connections,
            tuning: self.tuning,
            ..settings
        }
    }
}

impl Manner {
    /// Applies the profile, then the options, then the keys. Without a profile: `policy` and the
    /// defaults.
    pub(super) fn behaviour(
        &self,
        picker: Option<&str>,
        connections: Option<u16>,
        policy: &str,
    ) -> Result<Behaviour, Failure> {
        let (of_profile, most) = (self.profile, self.profile.map(|it| it.max_connections));
        let policy = self
            .policy
            .as_deref()
            .or(of_profile.map(|it| it.policy))
            .unwrap_or(policy);
        let picker = picker.or(of_profile.map(|it| it.picker)).unwrap_or(PICKER);
        let mut it = Behaviour {
            policy: policy.to_owned(),
            parameters: Parameters::new(),
            picker: picker.to_owned(),
            max_connections: connections.or(most).unwrap_or(CONNECTIONS),
            tuning: of_profile.map_or_else(Tuning::default, Tuning::of),
        };
        let mut parameters = Vec::new();
        for text in &self.sets {
            let bad = |why: String| Failure::bad_input(format!("--set {text}: {why}"));
            let parts = text.split_once('=');
            let (key, value) = parts.ok_or_else(|| bad("write KEY=VALUE".to_owned()))?;
            let (key, value) = (key.trim(), value.trim());
            match key.strip_prefix("parameters.") {
                Some(name) => parameters.push((text, name, value)),
                None => set(&mut it, key, value).map_err(bad)?,
            }
        }
        let (min, max) = (it.tuning.min_requests, it.tuning.max_requests);
        if min > max {
            let why = format!("--set: min_requests is {min}, but max_requests only {max}");
            return Err(Failure::bad_input(why));
        }
        let (idle, keep_alive) = (it.tuning.waits.idle_ms, it.tuning.waits.keep_alive_ms);
        if keep_alive >= idle {
            let seconds = |ms: u64| Duration::from_millis(ms).as_secs();
            let why = format!(
                "--set: keep_alive is {} s, but must be less than idle_timeout, which is {} s",
                seconds(keep_alive),
                seconds(idle)
            );
            return Err(Failure::bad_input(why));
        }
        if pick::build(&it.picker).is_none() {
            return Err(Failure::bad_input(OriginError::Picker(it.picker)));
        }
        // Ignore an unknown policy here: it has no parameters.
        policies::all()
            .build(&it.policy, &Parameters::new())
            .map_err(Failure::bad_input)?;
        if let Some(profile) = of_profile.filter(|of| of.policy == it.policy) {
            it.parameters = profile.parameters();
        }
        for (text, name, value) in parameters {
            let bad = |why: String| Failure::bad_input(format!("--set {text}: {why}"));
            let (name, value) = parameter(&it.policy, name, value).map_err(bad)?;
            it.parameters.set(name, value);
        }
        policies::all()
            .build(&it.policy, &it.parameters)
            .map_err(Failure::bad_input)?;
        Ok(it)
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// Sets one key that is not a parameter of the policy.
fn set(settings: &mut Behaviour, key: &str, value: &str) -> Result<(), String> {
    let tuning = &mut settings.tuning;
    match key {
        "policy" => value.clone_into(&mut settings.policy),
        "picker" if pick::PICKERS.contains(&value) => value.clone_into(&mut settings.picker),
        "picker" => return Err(format!("known are {}", pick::PICKERS.join(", "))),
        "max_connections" => settings.max_connections = number(value, 1, 5000)?,
        "initiate" => tuning.initiate = Some(number(value, 1, u16::MAX)?),
        "enough" => tuning.enough = Some(number(value, 1, u16::MAX)?),
        "queue_time" => tuning.queue_time_ms = span(value, Duration::ZERO)?,
        "min_requests" => tuning.min_requests = number(value, 1, u16::MAX)?,
        "max_requests" => tuning.max_requests = number(value, 1, u16::MAX)?,
        "start_requests" => tuning.start_requests = number(value, 0, u16::MAX)?,
        "snub_after" => tuning.snub_after_ms = span(value, SECOND)?,
        "dial_timeout" => tuning.waits.dial_ms = span(value, SECOND)?,
        "handshake_timeout" => tuning.waits.handshake_ms = span(value, SECOND)?,
        "idle_timeout" => tuning.waits.idle_ms = span(value, SECOND)?,
        "keep_alive" => tuning.waits.keep_alive_ms = span(value, SECOND)?,
        "endgame" => {
            tuning.endgame = match value {
                "true" => LastBlocks::Capped,
                "false" => LastBlocks::Once,
                "strict" => LastBlocks::Strict,
                _ => return Err("write true, false or strict".to_owned()),
            }
        }
        "allowed_fast" => {
            let pieces = number(value, 0, u16::from(u8::MAX))?;
            tuning.allowed_fast = u8::try_from(pieces).expect("at most 255");
        }
        "allowed_fast_by" => {
            tuning.allowed_fast_by_address = match value {
                "network" => false,
                "address" => true,
                _ => return Err("write network or address".to_owned()),
            }
        }
        "takes_allowed_fast" => tuning.takes_allowed_fast = truth(value)?,
        "peer_exchange" => tuning.peer_exchange = truth(value)?,
        _ => {
            return Err(format!(
                "there is no such key; there are {}",
                KEYS.join(", ")
            ));
        }
    }
    Ok(())
}

/// The keys that [`set`] accepts. The parameters of the policy come in addition.
const KEYS: [&str; 19] = [
    "policy",
    "picker",
    "max_connections",
    "initiate",
    "enough",
    "queue_time",
    "min_requests",
    "max_requests",
    "start_requests",
    "snub_after",
    "dial_timeout",
    "handshake_timeout",
    "idle_timeout",
    "keep_alive",
    "endgame",
    "allowed_fast",
    "allowed_fast_by",
    "takes_allowed_fast",
    "peer_exchange",
];

fn number(value: &str, min: u16, max: u16) -> Result<u16, String> {
    let number = value.parse().ok().filter(|it| (min..=max).contains(it));
    number.ok_or_else(|| format!("write a whole number from {min} to {max}"))
}

fn truth(value: &str) -> Result<bool, String> {
    value.parse().map_err(|_| "write true or false".to_owned())
}

/// Reads a duration, in milliseconds.
fn span(value: &str, least: Duration) -> Result<u64, String> {
    let span = parse_duration(value)?;
    if span < least {
        return Err(format!("write at least {} s", least.as_secs()));
    }
    u64::try_from(span.as_millis()).map_err(|_| "too long".to_owned())
}

#[cfg(test)]
mod tests {
    use unchoke_core::profile::Profile;

    use super::{LastBlocks, Manner, Parameters};

    fn manner(profile: Option<&str>, sets: &[&str]) -> Manner {
        Manner {
            profile: profile.and_then(Profile::find),
            sets: sets.iter().map(|it| (*it).to_owned()).collect(),
            policy: None,
        }
    }

    #[test]
    fn a_profile_is_set_and_keys_go_before_it() {
        let sets = [
            "parameters.slots=4",
            "parameters.tick = 20 s",
            "queue_time=5 s",
            "dial_timeout=9 s",
        ];
        let it = manner(Some("libtorrent"), &sets).behaviour(None, Some(30), "bep3");
        let it = it.expect("a client");
        assert_eq!(
            (it.policy.as_str(), it.picker.as_str()),
            ("libtorrent_fixed", "libtorrent")
        );
        assert_eq!(it.max_connections, 30);
        assert_eq!(it.tuning.endgame, LastBlocks::Strict);
        assert_eq!((it.tuning.allowed_fast, it.tuning.queue_time_ms), (5, 5000));
        assert_eq!((it.tuning.start_requests, it.tuning.min_requests), (4, 2));
        let waits = it.tuning.waits;
        assert_eq!((waits.dial_ms, waits.handshake_ms), (9000, 10_000));
        assert_eq!((waits.idle_ms, waits.keep_alive_ms), (120_000, 60_000));
        let set: Vec<(&str, u64)> = it.parameters.iter().collect();
        assert_eq!(set, [("slots", 4), ("tick_ns", 20_000_000_000)]);
        let plain = manner(None, &["picker=sequential", "endgame=false"]);
        let plain = plain.behaviour(None, None, "bep3").expect("a client");
        assert_eq!(
            (plain.policy.as_str(), plain.picker.as_str()),
            ("bep3", "sequential")
        );
        assert_eq!(plain.tuning.endgame, LastBlocks::Once);
        assert_eq!(plain.tuning.allowed_fast, 0);
    }

    #[test]
    fn a_profile_sets_parameters_of_its_own_policy() {
        let of = |sets: &[&str]| {
            let it = manner(Some("original+"), sets).behaviour(None, None, "bep3");
            it.expect("a client").parameters
        };
        let set = |name, value| {
            let mut parameters = Parameters::new();
            parameters.set(name, value);
            parameters
        };
        assert_eq!(of(&[]), set("at_once", 1));
        assert_eq!(of(&["parameters.at_once=0"]), set("at_once", 0));
        assert_eq!(of(&["policy=bep3"]), Parameters::new());
    }

    #[test]
    fn mistakes_are_one_sentence_each() {
        for (set, part) in [
            ("slots=4", "there is no such key; there are policy, picker"),
            ("parameters.slotz=4", "has no such parameter; it has slots"),
            ("parameters.slots=many", "many is not a whole number"),
            ("parameters.tick=soon", "parameters.tick=soon: "),
            ("queue_time=long", "queue_time=long: "),
            ("endgame=never", "write true, false or strict"),
            ("allowed_fast=256", "from 0 to 255"),
            ("min_requests=600", "max_requests only 500"),
            (
                "idle_timeout=2m",
                "keep_alive is 120 s, but must be less than idle_timeout, which is 120 s",
            ),
            ("keep_alive=500 ms", "write at least 1 s"),
            ("keep_alive=0 s", "less than a millisecond"),
            ("policy=nice", "no choking policy 'nice'"),
            ("picker", "write KEY=VALUE"),
        ] {
            let error = manner(None, &[set]).behaviour(None, None, "tit_for_tat");
            let error = error.expect_err(set);
            assert_eq!(error.status, 2, "{set}");
            let said = format!("{error:?}");
            assert!(said.contains(part), "{set}: {said}");
        }
    }
}
