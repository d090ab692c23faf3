//! Shrinks a failing run: removes the peers and acts that the failure does not need.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::acts::Act;
use super::reference::Fault;
use super::setup::Setup;
use super::world::{Done, run};

/// Number of runs spent on the search for a smaller setup.
const PATIENCE: usize = 1000;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a setup. A panic of the core counts as a fault, and its message is not printed.
pub fn attempt(setup: &Setup) -> Result<Done, Fault> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !QUIET.get() {
                loud(info);
            }
        }));
    });
    QUIET.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| run(setup)));
    QUIET.set(false);
    outcome.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        Err(format!("panic: {}", words.unwrap_or_default()))
    })
}

/// The setup without the peer at `at` and its acts. `None` for the honest seed, which must stay.
fn without_peer(setup: &Setup, at: usize) -> Option<Setup> {
    if setup.peers[at].is_honest_seed() {
        return None;
    }
    let mut smaller = setup.clone();
    smaller.peers.remove(at);
    let shifted = |it: usize| if it > at { it - 1 } else { it };
    let acts = setup.acts.iter().filter_map(|(ms, act)| {
        let mut act = act.clone();
        if let Act::Send(peer, _)
        | Act::Answer(peer, ..)
        | Act::Reject(peer, _)
        | Act::Leave(peer, _)
        | Act::Writable(peer)
        | Act::Unread(peer) = &mut act
        {
            if *peer == at {
                return None;
            }
            *peer = shifted(*peer);
        }
        Some((*ms, act))
    });
    smaller.acts = acts.collect();
    Some(smaller)
}

/// Slightly simpler setups, with the biggest simplifications first.
fn simpler(setup: &Setup) -> Vec<Setup> {
    let mut all = Vec::new();
    let mut part = setup.acts.len().div_ceil(2);
    while part > 0 {
        for from in (0..setup.acts.len()).step_by(part) {
            let mut smaller = setup.clone();
            let to = (from + part).min(smaller.acts.len());
            smaller.acts.drain(from..to);
            all.push(smaller);
        }
        part /= 2;
    }
    all.extend((0..setup.peers.len()).filter_map(|at| without_peer(setup, at)));
    let mut change = |change: &dyn Fn(&mut Setup)| {
        let mut smaller = setup.clone();
        change(&mut smaller);
        all.push(smaller);
    };
    change(&|it| it.upload_cap = None);
    change(&|it| it.download_cap = None);
    change(&|it| it.exchange = false);
    change(&|it| it.has_every = 0);
    for at in 0..setup.peers.len() {
        change(&|it| it.peers[at].spoils = it.peers[at].spoils.min(1));
        change(&|it| it.peers[at].asks = false);
        change(&|it| it.peers[at].joins_ms = 0);
        change(&|it| it.peers[at].unchokes_ms = 0);
    }
    let size = |it: &Setup| format!("{it:?}").len();
    all.retain(|it| size(it) < size(setup) || format!("{it:?}") != format!("{setup:?}"));
    all
}

/// Describes the smallest setup found that still fails, and its fault.
pub fn report(seed: u64) -> String {
    let mut setup = Setup::draw(seed);
    let mut fault = attempt(&setup).err();
    let mut runs = 0;
    'smaller: loop {
        for smaller in simpler(&setup) {
            runs += 1;
            if runs > PATIENCE {
                break 'smaller;
            }
            if let Err(other) = attempt(&smaller) {
                (setup, fault) = (smaller, Some(other));
                continue 'smaller;
            }
        }
        break;
    }
    format!(
        "repeat the first with: UNCHOKE_MODEL_START={seed} UNCHOKE_MODEL_SEEDS=1 \
         cargo test -p unchoke-core model\nthe smallest setup found that fails ({}):\n{setup:#?}",
        fault.unwrap_or_default()
    )
}
