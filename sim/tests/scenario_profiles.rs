//! Client profiles in scenarios.

use std::time::Duration;

use unchoke_core::choke::Parameters;
use unchoke_core::profile::Profile;
use unchoke_sim::scenario::Scenario;

fn load(sets: &[&str]) -> Scenario {
    let sets: Vec<String> = sets.iter().map(|it| (*it).to_owned()).collect();
    Scenario::load("flash-homog", &sets).expect("a good scenario")
}

/// A profile gives a client its starting values. Keys override it, and a population without a
/// profile has that of `[client]`.
#[test]
fn a_profile_sets_what_no_key_says() {
    let sets = [
        "client.profile=libtorrent",
        "client.max_connections=20",
        "client.dial_timeout=9 s",
        "client.parameters={slots=4}",
        "population=[{share=\"50 %\"}, {profile=\"transmission\", picker=\"random\"}]",
        "origin.0.profile=original",
    ];
    let scenario = load(&sets);
    assert_eq!(scenario.populations[1].client.name, "transmission");
    let libtorrent = Profile::find("libtorrent").expect("a profile");
    let client = &scenario.populations[0].client;
    assert_eq!(client.policy, libtorrent.policy);
    assert_eq!(client.picker, libtorrent.picker);
    assert_eq!(client.endgame, libtorrent.endgame);
    assert_eq!(client.max_connections, 20);
    assert_eq!(client.around().initiate, 20);
    assert_eq!(client.pipeline.start, 4);
    assert_eq!(client.timers.idle, Duration::from_mins(2));
    assert_eq!(client.timers.dial, Duration::from_secs(9));
    assert_eq!(client.around().dial, Duration::from_secs(9));
    assert_eq!(client.parameters.iter().collect::<Vec<_>>(), [("slots", 4)]);
    let other = &scenario.populations[1].client;
    let transmission = Profile::find("transmission").expect("a profile");
    assert_eq!(other.pipeline, transmission.pipeline);
    assert_eq!(other.picker, "random");
    assert_eq!(other.max_connections, transmission.max_connections);
    assert_eq!(other.parameters, Parameters::new());
    assert_eq!(other.timers, transmission.timers);
    let origin = &scenario.origins[0].client;
    assert_eq!(
        (origin.policy.as_str(), origin.max_connections),
        ("tit_for_tat", 5)
    );
    // A value that came from a profile is read back from the canonical text.
    let text = scenario.to_toml();
    let again = Scenario::from_toml(&text, "again", None, &[]).expect("own text");
    assert_eq!(scenario, again);
}
