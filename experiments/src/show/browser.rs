//! A link from a report to the lab in the browser (`experiments/web`), with its choices filled in.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use unchoke_core::choke::find;
use unchoke_sim::scenario::Scenario;

use crate::plan::{Contender, Plan};

/// Peers if the plan does not set their number, and seeds: more take long in a browser.
const PEERS: &str = "40";
const SEEDS: u32 = 10;

/// Where the page is expected to lie: beside the report.
const PAGE: &str = "lab.html";

/// The two contenders of the first contrast in the first scenario that is built in; `None` if there is
/// none, or if a policy is not a registered one, which the page cannot know.
#[must_use]
pub fn link(plan: &Plan) -> Option<String> {
    let built_in = |name: &str| Scenario::list().iter().any(|it| it.name == name);
    let scenario = plan.scenarios.iter().find(|it| built_in(&it.source))?;
    let (ours, theirs) = plan.pair(0);
    if [ours, theirs].iter().any(|it| find(&it.policy).is_none()) {
        return None;
    }
    let peers = scenario.set.iter().find_map(|it| it.strip_prefix("peers="));
    let own_size = |it: &&String| !it.starts_with("peers=");
    let mut common: Vec<String> = scenario.set.iter().filter(own_size).cloned().collect();
    let built = Scenario::builtin(&scenario.source, &scenario.set).ok()?;
    if let Some(origin) = &plan.origin {
        common.extend((0..built.origins.len()).flat_map(|at| origin_changes(origin, at)));
    }
    let fields = [
        ("scenario", scenario.source.clone()),
        ("peers", peers.unwrap_or(PEERS).to_owned()),
        ("seed", "1".to_owned()),
        ("seeds", SEEDS.to_string()),
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
    Some(format!("{PAGE}#{}", fields.join("&")))
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
    use super::link;
    use crate::plan::{Changes, load};

    #[test]
    fn the_main_plan_opens_in_the_browser_as_it_is_written() {
        let text = include_str!("../../plans/choke_vs_naive.toml");
        let plan = load("plan", text, &Changes::default()).expect("our own plan");
        let link = link(&plan).expect("its scenarios are built in");
        let (page, choices) = link.split_once('#').expect("choices");
        assert_eq!(page, "lab.html");
        assert!(
            choices.contains("&a=tit%5Ffor%5Ftat&b=unchoke%5Fall&"),
            "{choices}"
        );
        assert!(choices.contains("&peers=60&"), "{choices}");
        let origins = "origin%2E0%2Epolicy%3Dbep3%0Aorigin%2E0%2Emax%5Fconnections%3D80";
        assert!(choices.contains(origins), "{choices}");
        assert!(choices.contains("client%2Eprofile%3Doriginal%0Aclient%2Emax%5Fconnections%3D80"));
    }
}
