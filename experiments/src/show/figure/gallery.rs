//! A small figure of one swarm: peers present over time, and completions.

use super::axis::Axis;
use super::palette::{BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SILVER, SKY, VERMILION, YELLOW};
use super::panel::{Frame, caption, columns, legend, title};
use super::scene::{Color, Scene};

const HEIGHT: f64 = 190.0;

/// Most points of a curve; more cannot be seen.
const MOST_POINTS: usize = 240;

/// Data of one swarm.
#[derive(Clone, Debug, PartialEq)]
pub struct Glance {
    /// Heading of the figure.
    pub title: String,
    /// Time in seconds, and the leechers and seeds present.
    pub present: Vec<(f64, f64, f64)>,
    /// Groups of peers: name, number of peers, and the completion times in seconds of those that
    /// completed, ascending.
    pub groups: Vec<(String, usize, Vec<f64>)>,
    /// Caption.
    pub caption: String,
}

/// Draws the peers present on the left, and the completed share of each group on the right.
#[must_use]
pub fn glance(it: &Glance) -> Scene {
    let mut scene = Scene::new(760.0, 0.0);
    let y = title(&mut scene, &it.title);
    let mut names = vec![
        ("leechers".to_owned(), VERMILION),
        ("seeds".to_owned(), BLUE),
    ];
    let alone = it.groups.len() == 1;
    for (at, (name, ..)) in it.groups.iter().enumerate() {
        let name = if alone { "completed" } else { name };
        names.push((name.to_owned(), color(at)));
    }
    let top = legend(&mut scene, y + 4.0, &names) + 18.0;
    let sides = columns(scene.width, 2, 40.0);
    present(&mut scene, it, sides[0], top);
    completed(&mut scene, it, sides[1], top);
    caption(&mut scene, top + HEIGHT + 40.0, &it.caption);
    scene
}

/// Colours other than those of leechers and seeds.
fn color(group: usize) -> Color {
    [GREEN, PURPLE, ORANGE, SKY, INK, YELLOW, SILVER, GREY][group % 8]
}

fn present(scene: &mut Scene, it: &Glance, side: (f64, f64), top: f64) {
    let end = it.present.last().map_or(1.0, |it| it.0);
    let most = it
        .present
        .iter()
        .fold(1.0, |most: f64, it| most.max(it.1).max(it.2));
    let frame = Frame {
        x: Axis::new((0.0, end), side),
        y: Axis::new((0.0, most * 1.05), (top + HEIGHT, top)),
    };
    frame.draw(scene, "peers present", "seconds since the start");
    let step = it.present.len().div_ceil(MOST_POINTS).max(1);
    let last = it.present.len().saturating_sub(1);
    let kept = it.present.iter().enumerate();
    let kept: Vec<_> = kept
        .filter(|(i, _)| i % step == 0 || *i == last)
        .map(|it| it.1)
        .collect();
    let leechers = kept.iter().map(|it| (frame.x.at(it.0), frame.y.at(it.1)));
    let seeds = kept.iter().map(|it| (frame.x.at(it.0), frame.y.at(it.2)));
    scene.line(&seeds.collect::<Vec<_>>(), BLUE, 1.75);
    scene.line(&leechers.collect::<Vec<_>>(), VERMILION, 1.75);
}

fn completed(scene: &mut Scene, it: &Glance, side: (f64, f64), top: f64) {
    let longest = it
        .groups
        .iter()
        .filter_map(|it| it.2.last())
        .fold(0.0, |a: f64, b| a.max(*b));
    let frame = Frame {
        x: Axis::new((0.0, longest * 1.02), side),
        y: Axis::new((0.0, 100.0), (top + HEIGHT, top)),
    };
    frame.draw(scene, "peers done, %", "seconds since their arrival");
    for (at, (_, count, times)) in it.groups.iter().enumerate() {
        let step = times.len().div_ceil(MOST_POINTS).max(1);
        let mut points = vec![(frame.x.at(0.0), frame.y.at(0.0))];
        let mut share = 0.0;
        for (done, time) in (1..).zip(times) {
            if done % step == 0 || done == times.len() {
                points.push((frame.x.at(*time), frame.y.at(share)));
                share = done as f64 * 100.0 / *count as f64;
                points.push((frame.x.at(*time), frame.y.at(share)));
            }
        }
        points.push((frame.x.end, frame.y.at(share)));
        scene.line(&points, color(at), 1.75);
    }
}
