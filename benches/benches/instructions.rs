//! Counts the instructions executed by parts of the workspace, with valgrind's callgrind. The
//! number is the same in every run, whatever else the machine does, so any slowdown is visible at
//! once.
//!
//! ```sh
//! cargo bench -p unchoke-benches --bench instructions                 # compare with the file
//! cargo bench -p unchoke-benches --bench instructions -- --update     # write the file anew
//! ```
//!
//! `benches/instructions.toml` holds the registered counts, and the compiler, C library and
//! valgrind with which they were measured. Counts also depend on these, and on the vector units of
//! the CPU, because the C library chooses its copy routines by them. If any of them differ, the
//! counts are still compared and the difference is printed.
//!
//! Exit status: 0 within the limit; 1 a count rose by more than the limit, or a measurement is
//! missing in the file; 2 counting failed.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use unchoke_benches::counts::{Baseline, Counts, LIMIT_PERCENT, Toolchain, compare};
use unchoke_benches::{Choking, Holds, Picking, Star, UNPAID, messages, swarm};
use unchoke_core::wire::{Decoded, Decoder, encode};
use unchoke_sim::link::Solver;
use unchoke_sim::world;

/// Name and body of each measurement. The body prepares its subject, then passes a closure to be
/// counted.
const SUBJECTS: &[(&str, fn())] = &[
    ("codec: encode 5 000 messages", encode_messages),
    ("codec: decode 4 000 messages", decode_messages),
    ("picker: rarest_first, 100 of 1 000 pieces", || {
        let mut picking = Picking::new("rarest_first", 1000);
        measured_by_callgrind(|| (0..100).for_each(|_| picking.pick()));
    }),
    ("choker: tit_for_tat, 100 rounds of 50 connections", || {
        rechoke("tit_for_tat");
    }),
    ("choker: bep3, 100 rounds of 50 connections", || {
        rechoke("bep3");
    }),
    ("event queue: 10 000 holds of one delay", || {
        let mut holds = Holds::of_one_delay(10_000);
        measured_by_callgrind(|| holds.run(10_000));
    }),
    ("event queue: 10 000 holds at any time", || {
        let mut holds = Holds::of_any_time(10_000);
        measured_by_callgrind(|| holds.run(10_000));
    }),
    ("link solver: exact, 5 000 transfers, 1 000 hosts", || {
        transfers(Solver::Exact);
    }),
    ("link solver: fast, 5 000 transfers, 1 000 hosts", || {
        transfers(Solver::Fast);
    }),
    ("whole swarm: bep3, 40 peers", || whole("bep3")),
    ("whole swarm: tit_for_tat, 40 peers", || {
        whole("tit_for_tat");
    }),
    ("whole swarm: unchoke_all, 40 peers", || {
        whole("unchoke_all");
    }),
];

/// Callgrind counts while this function runs. It finds the function by its name.
#[inline(never)]
fn measured_by_callgrind<T>(work: impl FnOnce() -> T) {
    black_box(work());
}

fn encode_messages() {
    let messages = messages();
    let mut out = Vec::with_capacity(1 << 10);
    measured_by_callgrind(|| {
        for _ in 0..1000 {
            out.clear();
            for message in &messages {
                encode(black_box(message), &mut out);
            }
        }
    });
}

fn decode_messages() {
    let decoder = Decoder::new(1000);
    let mut bytes = Vec::new();
    for message in messages().iter().take(UNPAID) {
        encode(message, &mut bytes);
    }
    measured_by_callgrind(|| {
        for _ in 0..1000 {
            let mut rest = &bytes[..];
            while let Ok(Decoded::Message { message, used }) = decoder.decode(black_box(rest)) {
                black_box(message);
                rest = &rest[used..];
            }
            assert!(rest.is_empty(), "our own messages can be read");
        }
    });
}

fn rechoke(policy: &str) {
    let mut choking = Choking::new(policy, 50);
    measured_by_callgrind(|| (0..100).for_each(|_| choking.rechoke()));
}

fn transfers(solver: Solver) {
    let mut star = Star::new(1000, solver);
    star.run(5000);
    measured_by_callgrind(|| star.run(5000));
}

fn whole(policy: &str) {
    let spec = swarm(policy, 40);
    measured_by_callgrind(|| world::run(&spec, None).expect("a sound spec"));
}

/// Path of valgrind's files. Valgrind runs without the environment variable for it.
fn valgrind() -> Result<PathBuf, String> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let mut places = std::env::split_paths(&folders).map(|it| it.join("valgrind"));
    let found = places.find(|it| it.is_file());
    found.ok_or_else(|| "valgrind: not found; it must be installed".to_owned())
}

/// Runs this program under callgrind on one measurement.
fn count(name: &str, folder: &Path) -> Result<u64, String> {
    let own = std::env::current_exe().map_err(|it| format!("the path of this program: {it}"))?;
    let profile = folder.join("profile");
    let mut command = Command::new(valgrind()?);
    // Environment variables could move the stack or turn on features, so there are none.
    command.env_clear().current_dir(folder);
    command.args([
        "--quiet",
        "--tool=callgrind",
        "--toggle-collect=*measured_by_callgrind*",
    ]);
    command.arg(format!("--callgrind-out-file={}", profile.display()));
    let output = command.arg(own).args(["--measure", name]).output();
    let output = output.map_err(|it| format!("valgrind: {it}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{name}: the run under valgrind failed: {text}"));
    }
    let text = fs::read_to_string(&profile).map_err(|it| format!("{}: {it}", profile.display()))?;
    let total = text.lines().find_map(|it| it.strip_prefix("totals: "));
    let total = total.and_then(|it| it.trim().parse().ok());
    total
        .filter(|it| *it > 0)
        .ok_or_else(|| format!("{name}: callgrind counted nothing"))
}

fn measure_all() -> Result<Counts, String> {
    let folder = tempfile::tempdir().map_err(|it| format!("a temporary folder: {it}"))?;
    let mut counts = Counts::new();
    for (name, _) in SUBJECTS {
        counts.insert((*name).to_owned(), count(name, folder.path())?);
    }
    Ok(counts)
}

const HEAD: &str = "\
# Instruction counts of `cargo bench -p unchoke-benches --bench instructions`, which fails if a count
# rises by more than 5 %. With `-- --update` it writes this file; the commit must say why. The counts
# depend on the toolchain: another compiler, C library or CPU gives slightly different ones.

";

const REPEAT: &str = "cargo bench -p unchoke-benches --bench instructions";

fn run(update: bool) -> Result<bool, String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("instructions.toml");
    let shown = path.display();
    let toolchain = Toolchain::here()?;
    let instructions = measure_all()?;
    if update {
        let now = Baseline {
            toolchain,
            instructions,
        };
        let text = toml::to_string(&now).expect("text and numbers are TOML");
        fs::write(&path, format!("{HEAD}{text}")).map_err(|it| format!("{shown}: {it}"))?;
        println!("wrote {shown}");
        return Ok(true);
    }
    let advice = format!("`{REPEAT} -- --update` writes it");
    let text = fs::read_to_string(&path).map_err(|it| format!("{shown}: {it}; {advice}"))?;
    let before: Baseline =
        toml::from_str(&text).map_err(|it| format!("{shown}: {it}; {advice} anew"))?;
    let (table, passes) = compare(&before.instructions, &instructions);
    print!("{table}");
    let differences = toolchain.differences(&before.toolchain);
    if !differences.is_empty() {
        println!(
            "\nANOTHER TOOLCHAIN than the one that gave the counts of the file:\n{differences}Part of a \
             change may be due to that. To tell, write the file with `-- --update` at the code \
             before the change, and compare again."
        );
    }
    if passes {
        println!("\nNo count rose by more than {LIMIT_PERCENT} %.");
    } else {
        println!(
            "\nA count rose by more than {LIMIT_PERCENT} %, or the file does not list what is \
             measured. Repeat with `{REPEAT}`; if it is meant, add `-- --update` and say why in the \
             commit."
        );
    }
    Ok(passes)
}

fn main() -> ExitCode {
    // Cargo adds `--bench`.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|it| it != "--bench")
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let update = match arguments[..] {
        [] => false,
        ["--update"] => true,
        ["--measure", name] => {
            let subject = SUBJECTS.iter().find(|it| it.0 == name);
            return match subject {
                Some((_, body)) => {
                    body();
                    ExitCode::SUCCESS
                }
                None => ExitCode::from(2),
            };
        }
        _ => {
            eprintln!(
                "instructions: only `--update` is an option; without it, counts are compared"
            );
            return ExitCode::from(2);
        }
    };
    match run(update) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(sentence) => {
            eprintln!("instructions: {sentence}");
            ExitCode::from(2)
        }
    }
}
