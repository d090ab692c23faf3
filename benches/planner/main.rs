//! One run of the star for `compare`: `star ours HOSTS TRANSFERS` or `star planner HOSTS TRANSFERS`. Prints the
//! simulated time at the end, in nanoseconds.

#[path = "../star.rs"]
mod star;

// `compare` links the file of the unpacked package here: the package keeps the module private.
mod bandwidth;

use std::time::Duration;

use bandwidth::{Flow, Rate};
use commonware_utils::BigRationalExt as _;
use num_rational::BigRational;
use num_traits::Zero as _;
use unchoke_core::rng::{Purpose, Rng, Streams};
use unchoke_sim::link::Solver;

/// The same star, with rates from the planner: all flows are planned anew when one ends, as its own simulator does.
struct Planned {
    /// Active transfers: source, destination and bytes left. Index: flow.
    flows: Vec<(u32, u32, BigRational)>,
    rng: Rng,
    hosts: u32,
    now: Duration,
}

impl Planned {
    fn new(hosts: u32) -> Self {
        let rng = Streams::new(1).stream(Purpose::Arrival, 0);
        let mut star = Self {
            flows: Vec::new(),
            rng,
            hosts,
            now: Duration::ZERO,
        };
        for flow in 0..hosts * star::FLOWS_A_HOST {
            let src = flow / star::FLOWS_A_HOST;
            let transfer = star.transfer(src);
            star.flows.push(transfer);
        }
        star
    }

    fn transfer(&mut self, src: u32) -> (u32, u32, BigRational) {
        let dst = star::other_host(&mut self.rng, src, self.hosts);
        let bytes = BigRational::from_u128(u128::from(star::TRANSFER_BYTES));
        (src, dst, bytes)
    }

    fn run(&mut self, transfers: u64) {
        let mut done = 0;
        while done < transfers {
            let flows = (0..).zip(&self.flows).map(|(id, it)| Flow {
                id,
                origin: it.0,
                recipient: it.1,
                delivered: true,
            });
            let capacity = |_: &u32| Some(u128::from(star::CAPACITY));
            let rates = bandwidth::allocate(&flows.collect::<Vec<_>>(), capacity, capacity);
            let rates: Vec<Rate> = rates.into_values().collect();
            let due = rates.iter().zip(&self.flows);
            let due = due.filter_map(|(rate, it)| bandwidth::duration(rate, &it.2));
            let step = due.min().expect("flows never end");
            self.now += step;
            for (index, rate) in rates.iter().enumerate() {
                let left = std::mem::replace(&mut self.flows[index].2, BigRational::zero());
                let left = bandwidth::transfer(rate, step, left);
                let ended = left.is_zero();
                self.flows[index].2 = left;
                if ended {
                    self.flows[index] = self.transfer(self.flows[index].0);
                    done += 1;
                }
            }
        }
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words[at].parse().expect("a number");
    let (hosts, transfers) = (number(1), u64::from(number(2)));
    let ended_ns = match words[0].as_str() {
        "planner" => {
            let mut star = Planned::new(hosts);
            star.run(transfers);
            star.now.as_nanos()
        }
        _ => {
            let mut star = star::Star::new(hosts, Solver::Exact);
            star.run(transfers);
            u128::from(star.now().as_nanos())
        }
    };
    println!("{ended_ns}");
}
