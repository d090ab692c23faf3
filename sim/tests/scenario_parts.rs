//! Populations that are tied to an access class.

use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::spec::NodeSpec;

fn load(name: &str, sets: &[&str]) -> Scenario {
    let sets: Vec<String> = sets.iter().map(|it| (*it).to_owned()).collect();
    Scenario::builtin(name, &sets).expect("a scenario")
}

/// Peers of a population with a class are all in this class. The shares of other populations are
/// shares of the remaining peers.
#[test]
fn a_population_may_be_tied_to_a_class() {
    let ties = [
        "peers=16",
        "population=[{class=\"fast\", policy=\"freerider\"}, {class=\"slow\", share=\"50 %\", policy=\"credit\"}, \
         {share=\"25 %\", policy=\"bep3\"}, {policy=\"propshare\"}]",
    ];
    let scenario = load("testbed", &ties);
    // Six slow, six medium, four fast peers: 4 and 3 belong to populations with a class, 9 remain.
    assert_eq!(scenario.population_counts(), [4, 3, 2, 7]);
    let written = Scenario::from_toml(&scenario.to_toml(), "written", None, &[]);
    assert_eq!(written.expect("it reads back"), scenario);
    for seed in 0..5 {
        let spec = expand(&scenario, seed);
        let peers = || spec.nodes.iter().filter(|it| !it.origin);
        let of = |client: u16, class: &str| {
            let is = |it: &&NodeSpec| {
                it.client == client && spec.classes[usize::from(it.class)] == class
            };
            peers().filter(is).count()
        };
        assert_eq!([of(0, "slow"), of(0, "medium"), of(0, "fast")], [0, 0, 4]);
        assert_eq!([of(1, "slow"), of(1, "medium"), of(1, "fast")], [3, 0, 0]);
        let others = |client| peers().filter(|it| it.client == client).count();
        assert_eq!([others(2), others(3)], [2, 7]);
    }
    let quarters = [
        "peers=10",
        "population=[{class=\"q1\", policy=\"freerider\"}, {}]",
    ];
    let scenario = load("flash-tyrant", &quarters);
    assert_eq!(
        scenario.population_counts(),
        [3, 7],
        "ranks 0, 1 and 2 of ten"
    );
}
