//! Real swarms compared with simulated ones.

use super::axis::Axis;
use super::bytes::{BAR, Stack, stacks};
use super::palette::{BLUE, VERMILION};
use super::panel::{Frame, caption, columns, legend, title};
use super::scene::{Color, Scene};
use crate::against::testbed::World;
use crate::against::testbed::compare::Comparison;
use crate::findings::analysis::causes;
use crate::plan::count;

const WORLDS: [(World, Color); 2] = [(World::Real, VERMILION), (World::Simulated, BLUE)];

/// Height of a row of panels with headings and axes.
const ROW: f64 = 270.0;

/// Distributions of completion times: one row per policy, one panel per class.
#[must_use]
pub fn completion(it: &Comparison) -> Scene {
    let mut scene = Scene::new(1000.0, 0.0);
    let head = "Completion time of peers, real processes against the simulator";
    let y = title(&mut scene, head);
    let names = WORLDS.map(|(world, color)| (world.name().to_owned(), color));
    let mut top = legend(&mut scene, y + 4.0, &names) + 16.0;
    let classes: Vec<usize> = (0..it.classes.len())
        .filter(|class| it.rows.iter().any(|row| row.class == *class))
        .collect();
    let positions = columns(scene.width, classes.len().max(1), 40.0);
    let everybody = it.policies.iter().flat_map(|policy| {
        let times = WORLDS.map(|it_world| it.times(policy, it_world.0, None));
        times.into_iter().flatten()
    });
    let longest = everybody.fold(0.0, f64::max);
    for policy in &it.policies {
        for (class, position) in classes.iter().zip(&positions) {
            let frame = Frame {
                x: Axis::new((0.0, longest * 1.02), *position),
                y: Axis::new((0.0, 100.0), (top + 190.0, top)),
            };
            let head = format!("{policy}, {}", it.classes[*class]);
            frame.draw(&mut scene, &head, "seconds since its own start");
            for (world, color) in WORLDS {
                let times = it.times(policy, world, Some(*class));
                scene.line(&steps(&frame, &times), color, 2.0);
            }
        }
        top += ROW;
    }
    let text = format!(
        "Share of peers (%) that have every piece; a row a policy that everybody runs, a column an \
         access class. Pooled over {}; the same seeds on both sides, which draw the same \
         classes. Data: peers.csv.",
        count(it.seeds.len(), "seed")
    );
    caption(&mut scene, top - 30.0, &text);
    scene
}

/// The empirical distribution of `times` (ascending) as a step function.
fn steps(frame: &Frame, times: &[f64]) -> Vec<(f64, f64)> {
    let mut points = vec![(frame.x.at(0.0), frame.y.at(0.0))];
    for (done, time) in times.iter().enumerate() {
        let share = |count: usize| frame.y.at(100.0 * count as f64 / times.len() as f64);
        points.push((frame.x.at(*time), share(done)));
        points.push((frame.x.at(*time), share(done + 1)));
    }
    points
}

/// Bytes other than useful ones: one group per policy, one bar each for real and simulated.
#[must_use]
pub fn bytes(it: &Comparison) -> Scene {
    let mut scene = Scene::new(1000.0, 0.0);
    let head = "Bytes beyond the useful ones, real processes against the simulator";
    let y = title(&mut scene, head);
    let groups = it.policies.iter().map(|policy| {
        let bars = WORLDS.map(|(world, _)| -> Stack {
            (world.name().to_owned(), causes(&it.total(policy, world)))
        });
        (policy.clone(), bars.to_vec())
    });
    let y = stacks(&mut scene, y, BAR, &groups.collect::<Vec<_>>());
    let text = format!(
        "Sum over {} and all peers, as the client's own ledger has it on both sides. Useful \
         payload is 100 % in every row and not drawn. Payload in vain is counted at the receiver, \
         protocol bytes at the sender; headers of packets are a row of bytes.csv, where all of \
         this is.",
        count(it.seeds.len(), "seed")
    );
    caption(&mut scene, y + 12.0, &text);
    scene
}
