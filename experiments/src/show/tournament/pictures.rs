//! The figures of a tournament.

use crate::findings::stats::math::ln;
use crate::findings::stats::moments::mean;
use crate::findings::tournament::Tournament;
use crate::findings::tournament::standing::{Cell, Pure, Standing};
use crate::plan::count;
use crate::show::figure::Scene;
use crate::show::figure::heat::{Heat, HeatCell};
use crate::show::figure::pareto::{Cloud, Point, pareto};
use crate::show::words::capital;

/// A figure with its file name and caption.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// File name without extension.
    pub name: &'static str,
    /// What it shows, with the number of seeds, method and level.
    pub caption: String,
    /// The drawing.
    pub scene: Scene,
}

/// Name of the matrix of uploads.
pub const UPLOAD: &str = "few_upload";

/// Limits for pure swarms. Uploads below this number of copies, and times above this multiple of
/// the fastest, are drawn at the edge, because most policies are close together.
const EDGE: (f64, f64) = (0.8, 1.4);

/// All figures in the order of the page.
#[must_use]
pub fn pictures(tournament: &Tournament, standing: &Standing) -> Vec<Drawing> {
    vec![
        costs(tournament, standing),
        few(tournament, standing),
        half(tournament, standing),
        upload(tournament, standing),
    ]
}

fn whole(tournament: &Tournament) -> String {
    let plan = &tournament.plan;
    let names: Vec<&str> = plan.scenarios.iter().map(|it| it.name.as_str()).collect();
    format!(
        "n = {}, mean over {}",
        count(tournament.seeds(), "paired seed"),
        names.join(" and ")
    )
}

/// Indices of the contenders, ordered by the mean of their row, ascending.
fn ordered(values: &[Vec<Option<f64>>]) -> Vec<usize> {
    let means = values.iter().map(|row| {
        let there: Vec<f64> = row.iter().flatten().copied().collect();
        mean(&there)
    });
    let means: Vec<f64> = means.collect();
    let mut order: Vec<usize> = (0..means.len()).collect();
    order.sort_by(|a, b| means[*a].total_cmp(&means[*b]).then(a.cmp(b)));
    order
}

fn heat(
    tournament: &Tournament,
    cells: &[Vec<Option<Cell>>],
    value: impl Fn(&Cell) -> Option<HeatCell>,
    words: [String; 4],
) -> Heat {
    let found: Vec<Vec<Option<HeatCell>>> = cells
        .iter()
        .map(|row| row.iter().map(|it| it.as_ref().and_then(&value)).collect())
        .collect();
    let logs =
        |row: &Vec<Option<HeatCell>>| row.iter().map(|it| it.map(|it| it.log_ratio)).collect();
    let order = ordered(&found.iter().map(logs).collect::<Vec<_>>());
    let [title, row, column, caption] = words;
    Heat {
        title,
        row,
        column,
        caption,
        names: order
            .iter()
            .map(|it| tournament.name(*it).to_owned())
            .collect(),
        cells: order
            .iter()
            .map(|a| order.iter().map(|b| found[*a][*b]).collect())
            .collect(),
    }
}

fn time(it: &Cell) -> HeatCell {
    HeatCell {
        log_ratio: it.time.value,
        shown: it.is_shown(),
    }
}

fn few(tournament: &Tournament, standing: &Standing) -> Drawing {
    let caption = format!(
        "Completion time of {} with the row's policy in a swarm of the column's, against the \
         same with the column's policy: percent more (orange) or less (blue). {}; paired log \
         ratios. Framed: told apart from no effect at 5 % over the whole matrix (Student t, Holm); \
         95 % intervals (Student t) in meetings.csv. \
         Rows and columns by the mean of the row. Data: meetings.csv, mix few.",
        tournament.few_words(),
        whole(tournament)
    );
    let words = [
        format!(
            "Aggressiveness: {} among others, completion time, %",
            tournament.few_words()
        ),
        tournament.few_words(),
        "in a swarm of".to_owned(),
        caption.clone(),
    ];
    Drawing {
        name: "few_time",
        scene: heat(tournament, &standing.few, |it| Some(time(it)), words).scene(),
        caption,
    }
}

fn half(tournament: &Tournament, standing: &Standing) -> Drawing {
    let caption = format!(
        "Completion time of peers that run the row's policy against the same peers with the column's, in \
         swarms half of which runs the one and half the other, with the halves exchanged: percent more \
         (orange) or less (blue). {}. Framed: told apart from no effect at 5 % over the whole matrix \
         (Student t, Holm); 95 % intervals (Student t) in meetings.csv. Rows and columns by the mean of the \
         row. Data: meetings.csv, mix half.",
        whole(tournament)
    );
    let words = [
        "Robustness: half and half, completion time, %".to_owned(),
        "this half".to_owned(),
        "against the half of".to_owned(),
        caption.clone(),
    ];
    Drawing {
        name: "half_time",
        scene: heat(tournament, &standing.half, |it| Some(time(it)), words).scene(),
        caption,
    }
}

fn upload(tournament: &Tournament, standing: &Standing) -> Drawing {
    let caption = format!(
        "Upload of {} with the row's policy in a swarm of the column's, against the same with the column's \
         policy: percent more (orange) or less (blue). {}. Framed: told apart from no effect at 5 % over \
         the whole matrix (Student t, Holm); 95 % intervals (Student t) in meetings.csv. Rows and columns \
         by the mean of the row. Grey: the column uploads nothing. Data: meetings.csv, mix few.",
        tournament.few_words(),
        whole(tournament)
    );
    let words = [
        format!("Upload of {} among others, %", tournament.few_words()),
        tournament.few_words(),
        "in a swarm of".to_owned(),
        caption.clone(),
    ];
    let value = |it: &Cell| {
        let it = it.upload?;
        Some(HeatCell {
            // An upload of zero has no logarithm; use a thousandth instead.
            log_ratio: ln(it.ratio.value.max(1e-3)),
            shown: it.is_shown(),
        })
    };
    Drawing {
        name: UPLOAD,
        scene: heat(tournament, &standing.few, value, words).scene(),
        caption,
    }
}

fn costs(tournament: &Tournament, standing: &Standing) -> Drawing {
    let fastest = standing.pure.iter().map(|it| it.time.value);
    let fastest = fastest.fold(f64::INFINITY, f64::min);
    let point = |at: usize, x: f64, y: f64| Point {
        name: tournament.name(at).to_owned(),
        x,
        y,
    };
    let count = 0..standing.pure.len();
    let among = count.clone().map(|at| {
        let it = &standing.scores[at];
        point(at, it.few_upload, it.few_time)
    });
    let pure = count.map(|at| {
        let it = &standing.pure[at];
        point(at, it.upload, it.time.value / fastest)
    });
    // If most points were beyond the limit, it would hide them instead of separating the others.
    // Then use no limit.
    let few = |beyond: &dyn Fn(&&Pure) -> bool| {
        2 * standing.pure.iter().filter(beyond).count() < standing.pure.len()
    };
    let clouds = [
        Cloud {
            head: format!(
                "{} among others: completion time, of those they replace",
                capital(&tournament.few_words())
            ),
            x_title: "upload, relative to that of those they replace".to_owned(),
            points: among.collect(),
            x_least: 0.0,
            y_most: 2.0,
        },
        Cloud {
            head: "A swarm of its own: completion time, of the fastest".to_owned(),
            x_title: "copies uploaded by a peer, origins left out".to_owned(),
            points: pure.collect(),
            x_least: if few(&|it| it.upload < EDGE.0) {
                EDGE.0
            } else {
                0.0
            },
            y_most: if few(&|it| it.time.value > EDGE.1 * fastest) {
                EDGE.1
            } else {
                f64::INFINITY
            },
        },
    ];
    let caption = format!(
        "Left: mean over the swarms of all other policies. Right: what peers do not upload in a swarm of \
         their own, origins do: the mean upload is fixed by conservation. {}; point estimates, 95 % \
         intervals (Student t) in the tables. What lies beyond an edge is drawn there, with its values. \
         Data: scores.csv, pure.csv.",
        whole(tournament)
    );
    Drawing {
        name: "pareto",
        scene: pareto("What is spent, what it takes", &clouds, &caption),
        caption,
    }
}
