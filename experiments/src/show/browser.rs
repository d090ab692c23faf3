//! A link from a report to the lab in the browser (`experiments/web`), with its choices filled in.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use unchoke_core::choke::find;
use unchoke_sim::scenario::{Scenario, expand};
use unchoke_sim::spec::{ClientSpec, SwarmSpec};

use crate::plan::{Contender, Plan};
use crate::run::expand::unit;
use crate::run::swarm::Swarms;
use crate::run::unit::mix_of;

/// Peers if the plan does not set their number: more take long in a browser.
const PEERS: &str = "40";

/// Most seeds, for the same reason.
const SEEDS: u32 = 10;

/// Where the page is expected to lie: beside the report.
const PAGE: &str = "lab.html";

/// A link to the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Address, relative to the report.
    pub address: String,
    /// Whether the page repeats runs of the plan, to the digest. Otherwise it runs smaller swarms.
    pub own_runs: bool,
}

/// The two contenders of the first contrast in the first scenario that is built in; `None` if there
/// is none, or if a policy is not a registered one, which the page cannot know. The seeds are the
/// first ones of the plan.
#[must_use]
pub fn link(plan: &Plan, engine: &Swarms) -> Option<Link> {
    let built_in = |name: &str| Scenario::list().iter().any(|it| it.name == name);
    let at = plan.scenarios.iter().position(|it| built_in(&it.source))?;
    let scenario = &plan.scenarios[at];
    let (ours, theirs) = plan.pair(0);
    if [ours, theirs].iter().any(|it| find(&it.policy).is_none()) {
        return None;
    }
    let peers = scenario.set.iter().find_map(|it| it.strip_prefix("peers="));
    let other_keys = |it: &&String| !it.starts_with("peers=");
    let mut common: Vec<String> = scenario.set.iter().filter(other_keys).cloned().collect();
    let built = Scenario::builtin(&scenario.source, &scenario.set).ok()?;
    if let Some(origin) = &plan.origin {
        common.extend((0..built.origins.len()).flat_map(|at| origin_changes(origin, at)));
    }
    let peers = format!("peers={}", peers.unwrap_or(PEERS));
    let runs = |contender: &Contender| {
        let policy = format!("client.policy={}", contender.policy);
        let changes = [peers.clone(), policy].into_iter().chain(common.clone());
        let changes: Vec<String> = changes.chain(contender.changes()).collect();
        let page = Scenario::builtin(&scenario.source, &changes).ok()?;
        let mix = (mix_of(plan, &contender.name)?, 0);
        let unit = unit(plan, engine, at, 0, mix).ok()?;
        let own = engine.spec(plan, &unit).ok()?;
        Some(without_names(own) == without_names(expand(&page, unit.run_seed)))
    };
    let own_runs = [ours, theirs].into_iter().all(|it| runs(it) == Some(true));
    let seeds = 0..plan.seeds_of(at).min(SEEDS);
    let seeds: Vec<String> = seeds.map(|it| plan.run_seed(it).to_string()).collect();
    let fields = [
        ("scenario", scenario.source.clone()),
        ("peers", peers.replace("peers=", "")),
        ("seed", seeds.join(" ")),
        // The page takes a single seed as the first of so many.
        ("seeds", seeds.len().to_string()),
        ("a", ours.policy.clone()),
        ("b", theirs.policy.clone()),
        ("seta", ours.changes().join("\n")),
        ("setb", theirs.changes().join("\n")),
        ("set", common.join("\n")),
    ];
    let field = |(key, value): &(&str, String)| {
        format!("{key}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
    };
    let fields: Vec<String> = fields.iter().map(field).collect();
    Some(Link {
        address: format!("{PAGE}#{}", fields.join("&")),
        own_runs,
    })
}

/// The swarm, and the client of each node without its name: what a run depends on.
fn without_names(mut spec: SwarmSpec) -> (SwarmSpec, Vec<ClientSpec>) {
    let clients = std::mem::take(&mut spec.clients);
    let of_nodes = spec.nodes.iter_mut().map(|it| {
        let at = usize::from(std::mem::take(&mut it.client));
        ClientSpec {
            name: String::new(),
            ..clients[at].clone()
        }
    });
    let of_nodes = of_nodes.collect();
    (spec, of_nodes)
}

/// Scenario keys with which the origins of this group run what the plan says.
fn origin_changes(origin: &Contender, at: usize) -> Vec<String> {
    let policy = format!("client.policy={}", origin.policy);
    let changes = std::iter::once(policy).chain(origin.changes());
    changes
        .map(|it| it.replacen("client.", &format!("origin.{at}."), 1))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::link;
    use crate::plan::{Changes, load};
    use crate::run::swarm::Swarms;

    #[test]
    fn the_main_plan_opens_in_the_browser_as_it_is_written() {
        let text = include_str!("../../plans/choke_vs_naive.toml");
        let plan = load("plan", text, &Changes::default()).expect("our own plan");
        let engine = Swarms::of(&plan, Path::new("")).expect("its scenarios");
        let link = link(&plan, &engine).expect("its scenarios are built in");
        assert!(link.own_runs);
        let (page, choices) = link.address.split_once('#').expect("choices");
        assert_eq!(page, "lab.html");
        assert!(
            choices.contains("&a=tit%5Ffor%5Ftat&b=unchoke%5Fall&"),
            "{choices}"
        );
        assert!(choices.contains("&peers=60&"), "{choices}");
        let seeds = format!("&seed={}%20{}%20", plan.run_seed(0), plan.run_seed(1));
        assert!(choices.contains(&seeds), "{choices}");
        let origins = "origin%2E0%2Epolicy%3Dbep3%0Aorigin%2E0%2Emax%5Fconnections%3D80";
        assert!(choices.contains(origins), "{choices}");
        assert!(choices.contains("&seeds=10&"), "{choices}");
        let one = Changes {
            seeds: Some(1),
            ..Changes::default()
        };
        let plan = load("plan", text, &one).expect("our own plan");
        let alone = super::link(&plan, &engine).expect("its scenarios are built in");
        let seed = format!("&seed={}&seeds=1&", plan.run_seed(0));
        assert!(alone.address.contains(&seed), "{}", alone.address);
        assert!(choices.contains("client%2Eprofile%3Doriginal%0Aclient%2Emax%5Fconnections%3D80"));
    }
}
