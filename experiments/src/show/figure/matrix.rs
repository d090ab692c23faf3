//! Upload between access classes.

use super::Picture;
use super::palette::{GREY, INK, RULE, WHITE, shade};
use super::panel::{EDGE, caption, title};
use super::scene::{Scene, Style};
use crate::findings::analysis::{Analysis, Matrix};
use crate::plan::{Figure, Plan};
use crate::run::unit::mix_name;

const CELL: (f64, f64) = (48.0, 28.0);

/// `None` if no scenario has several classes.
pub(super) fn matrix(plan: &Plan, analysis: &Analysis, scenarios: &[usize]) -> Option<Picture> {
    let mut scene = Scene::new(1000.0, 0.0);
    let mut y = title(
        &mut scene,
        "Who uploads to whom: useful bytes by access class",
    );
    let mut any = false;
    for scenario in scenarios.iter().copied() {
        let within = &plan.scenarios[scenario];
        let matrices: Vec<&Matrix> = analysis
            .pictures
            .matrices
            .iter()
            .filter(|it| it.scenario == scenario)
            .collect();
        // Origins form a class of their own.
        if matrices.iter().all(|it| receivers(it).len() < 2) {
            continue;
        }
        any = true;
        scene.text(
            (EDGE, y + 8.0),
            within.name.clone(),
            Style::new(14.0, INK).bold(),
        );
        y += 24.0;
        let mut x = EDGE;
        let mut below = y;
        for (at, it) in matrices.iter().enumerate() {
            let width = 100.0 + CELL.0 * receivers(it).len() as f64;
            if at > 0 && x + width > scene.width - EDGE {
                (x, y) = (EDGE, below + 18.0);
            }
            below = one(&mut scene, (x, y), plan, it);
            x += width + 12.0;
        }
        y = below + 22.0;
    }
    let text = format!(
        "Percent of all useful payload bytes of a swarm, from the class of the row to the class of \
         the column; sum over {}, swarms of one policy. Data: matrix.csv.",
        plan.seeds_counted("seed")
    );
    caption(&mut scene, y, &text);
    any.then(|| Picture {
        name: "class_matrix".to_owned(),
        figure: Figure::Matrix,
        scenario: None,
        caption: text,
        scene,
    })
}

/// Draws one matrix and returns its lower end.
fn one(scene: &mut Scene, (x, y): (f64, f64), plan: &Plan, it: &Matrix) -> f64 {
    let total = it.bytes.iter().sum::<u64>().max(1) as f64;
    let largest = it.bytes.iter().copied().max().unwrap_or(0).max(1) as f64 / total;
    let left = x + 84.0;
    scene.text(
        (left, y + 6.0),
        mix_name(plan, it.mix),
        Style::new(13.0, INK).bold(),
    );
    let receivers = receivers(it);
    for (at, class) in receivers.iter().enumerate() {
        let middle = left + CELL.0 * (at as f64 + 0.5);
        let name = shortened(&it.classes[*class], 10);
        scene.text((middle, y + 24.0), name, Style::new(9.0, GREY).middle());
    }
    let top = y + 34.0;
    for (row, values) in it.bytes.chunks(it.classes.len()).enumerate() {
        let cell_top = top + CELL.1 * row as f64;
        let middle = cell_top + CELL.1 / 2.0;
        let name = shortened(&it.classes[row], 14);
        scene.text((left - 6.0, middle), name, Style::new(11.0, GREY).end());
        for (column, class) in receivers.iter().enumerate() {
            let share = values[*class] as f64 / total;
            let corner = (left + CELL.0 * column as f64, cell_top);
            scene.rectangle(corner, CELL.0 - 1.0, CELL.1 - 1.0, shade(share / largest));
            // White on blue is easier to read than ink only on dark blue.
            let ink = if share / largest > 0.65 { WHITE } else { INK };
            let at = (corner.0 + CELL.0 / 2.0, middle);
            scene.text(
                at,
                format!("{:.1}", share * 100.0),
                Style::new(11.0, ink).middle(),
            );
        }
    }
    let bottom = top + CELL.1 * it.classes.len() as f64;
    let right = left + CELL.0 * receivers.len() as f64 - 1.0;
    scene.line(&[(left, bottom), (right, bottom), (right, top)], RULE, 0.75);
    bottom
}

/// Indices of the classes that received bytes. Origins do not receive any.
fn receivers(it: &Matrix) -> Vec<usize> {
    let count = it.classes.len();
    let received = |class: &usize| {
        it.bytes
            .iter()
            .skip(*class)
            .step_by(count)
            .any(|it| *it > 0)
    };
    (0..count).filter(received).collect()
}

fn shortened(name: &str, most: usize) -> String {
    if name.chars().count() <= most {
        name.to_owned()
    } else {
        let start: String = name.chars().take(most - 1).collect();
        format!("{start}…")
    }
}
