//! The default plan at a reduced size has the same results hash in debug and release builds, with
//! one thread and with two.

mod determinism;

use std::path::Path;

use unchoke_experiments::findings::conduct::analyse;
use unchoke_experiments::plan::{Changes, load};
use unchoke_experiments::run::engine::Engine as _;
use unchoke_experiments::run::expand::expand;
use unchoke_experiments::run::runner::{Options, Silent, run};
use unchoke_experiments::run::store::Store;
use unchoke_experiments::run::swarm::Swarms;
use unchoke_experiments::show::output::Files;

const PLAN: &str = include_str!("../plans/choke_vs_naive.toml");

fn results(jobs: usize) -> String {
    let set = [
        "scenario.*.set.peers=12",
        "scenario.*.set.size=1 MiB",
        "statistics.bootstrap=200",
    ];
    let changes = Changes {
        set: set.map(str::to_owned).to_vec(),
        seeds: Some(2),
        ..Changes::default()
    };
    let plan = load("choke_vs_naive.toml", PLAN, &changes).expect("our own plan");
    let engine = Swarms::of(&plan, Path::new("")).expect("built-in scenarios");
    let units = expand(&plan, &engine).expect("units");
    assert_eq!(units.len(), 3 * 2 * 21);
    let folder = tempfile::tempdir().expect("folder");
    let store = Store::open(folder.path(), &engine.version()).expect("store");
    let options = Options { jobs, force: false };
    run(&plan, &units, &engine, &store, options, &Silent).expect("runs");
    let analysis = analyse(&plan, &units, &engine, &store).expect("analysis");
    Files::of(&plan, &analysis).hash()
}

#[test]
fn the_reduced_plan_has_its_golden_hash() {
    let hash = results(1);
    assert_eq!(hash, results(2), "two threads give the same bytes");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/choke_vs_naive.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(&path, format!("{hash}\n")).expect("golden file");
    }
    let golden = std::fs::read_to_string(&path).expect("golden file");
    assert_eq!(
        golden.trim(),
        hash,
        "results changed; if they should: UPDATE_GOLDEN=1 cargo test -p unchoke-experiments --test golden"
    );
}
