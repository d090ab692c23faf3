// Figures of runs, and statistics of pairs of runs.
"use strict";

// Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom; above 30 the normal one is used.
const T95 = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145,
  2.131, 2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042];

const mean = (list) => list.reduce((sum, it) => sum + it, 0) / list.length;

// Completion times of the leechers that completed, seconds, ascending.
function times(run) {
  const done = run.nodes.filter((it) => !it.origin && it.completed_ns !== null);
  return done.map((it) => (it.completed_ns - it.arrived_ns) / 1e9).sort((a, b) => a - b);
}

function leechers(run) {
  return run.nodes.filter((it) => !it.origin).length;
}

// The figures of a run. The unit of the statistics is the run, not the peer.
function figures(run) {
  const all = times(run);
  const sent = run.nodes.reduce((sum, it) => sum + it.sent_bytes, 0);
  const wasted = Object.values(run.payload_wasted).reduce((sum, it) => sum + it, 0);
  const origin = run.nodes.filter((it) => it.origin).reduce((sum, it) => sum + it.sent_bytes, 0);
  return {
    whole: all.length === leechers(run),
    time: Math.exp(mean(all.map(Math.log))),
    cost: sent / run.payload_useful,
    waste: wasted / run.payload_useful,
    origin: origin / Math.max(1, all.length) / run.file_bytes,
  };
}

// Ratio of geometric means over paired seeds, with its 95 % interval; null for fewer than two pairs.
function pairedRatio(ours, theirs) {
  const logs = ours.map((it, at) => Math.log(it / theirs[at]));
  const count = logs.length;
  if (count < 2 || !logs.every(Number.isFinite)) { return null; }
  const middle = mean(logs);
  const variance = logs.reduce((sum, it) => sum + (it - middle) ** 2, 0) / (count - 1);
  const half = (count - 1 <= 30 ? T95[count - 2] : 1.96) * Math.sqrt(variance / count);
  return { ratio: Math.exp(middle), low: Math.exp(middle - half), high: Math.exp(middle + half), count };
}
