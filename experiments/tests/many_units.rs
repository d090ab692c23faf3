//! A plan with 100 000 units: its state is told within seconds and bounded memory.

use std::fs;
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{Lab, PLAN, sealed};

const UNITS: usize = 100_000;

/// Limits far above what is needed, so that a busy machine and a build without optimisation pass. Reading
/// all units into memory would take more.
const MOST_SECONDS: u64 = 90;
const MOST_MEMORY_BYTES: u64 = 200 << 20;

/// What a command printed, how long it took, and its peak memory.
struct Measured {
    said: String,
    elapsed: Duration,
    peak_bytes: u64,
}

fn measured(lab: &Lab, arguments: &[&str], code: i32) -> Measured {
    let start = Instant::now();
    let mut command = lab.command(arguments);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak_bytes = 0;
    let ended = loop {
        // The system keeps the peak, so the last look before the end is enough.
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|it| it.strip_prefix("VmHWM:"));
        let kib = line.and_then(|it| it.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        peak_bytes = peak_bytes.max(kib.unwrap_or(0) * 1024);
        if let Some(it) = child.try_wait().expect("it runs") {
            break it;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(ended.code(), Some(code), "{arguments:?}");
    let mut said = String::new();
    let mut stdout = child.stdout.take().expect("piped");
    stdout.read_to_string(&mut said).expect("text");
    Measured {
        said,
        elapsed: start.elapsed(),
        peak_bytes,
    }
}

/// Writes a file for every unit: that of one real unit, under the other id. Returns the last file.
fn fill(lab: &Lab) -> PathBuf {
    lab.expect(0, &["run", "tiny.toml", "--shard", "1/100000", "--quiet"]);
    let list = lab.expect(0, &["list", "tiny.toml"]);
    let mut ids = list.lines().filter_map(|it| it.split_whitespace().next());
    let first = ids.next().expect("units");
    let folder = lab.path("results/tiny/units");
    let text = fs::read_to_string(folder.join(format!("{first}.jsonl"))).expect("the first unit");
    let end = text.trim_end().rfind('\n').expect("lines") + 1;
    let trailer: serde_json::Value = serde_json::from_str(&text[end..]).expect("a trailer");
    let mut count = 1;
    let mut file = PathBuf::new();
    for id in ids {
        let own = sealed(&text[..end].replace(first, id), &trailer["lines"]);
        file = folder.join(format!("{id}.jsonl"));
        fs::write(&file, own).expect("written");
        count += 1;
    }
    assert_eq!(count, UNITS);
    file
}

#[test]
#[ignore = "writes 100 000 files, for a minute; .ci/run does"]
fn a_hundred_thousand_units_are_told_in_seconds_and_bounded_memory() {
    let lab = Lab::new(
        &PLAN
            .replace("count = 6", "count = 25000")
            .replace("peers = 12", "peers = 2"),
    );
    let file = fill(&lab);
    let told = |command: &str, code: i32, wanted: &[&str]| {
        let it = measured(&lab, &[command, "tiny.toml"], code);
        let (seconds, megabytes) = (it.elapsed.as_secs_f64(), it.peak_bytes / 1_000_000);
        println!("lab {command}: {UNITS} units in {seconds:.1} s, {megabytes} MB");
        for part in wanted {
            assert!(it.said.contains(part), "{part}: {}", it.said);
        }
        assert!(
            it.elapsed < Duration::from_secs(MOST_SECONDS),
            "{command}: {seconds:.1} s"
        );
        assert!(
            it.peak_bytes < MOST_MEMORY_BYTES,
            "{command}: {megabytes} MB"
        );
    };
    told("status", 0, &["100000 done"]);
    // One damaged file among all is found.
    let text = fs::read_to_string(&file).expect("a unit");
    fs::write(&file, text.replacen("\"events\":", "\"events\":1", 1)).expect("changed");
    told("verify", 3, &["99999 done", "1 damaged"]);
}
