"""One figure of the report from scratch: how soon peers complete, with choking and without.

    python experiments/python/example.py results/choke_vs_naive times.svg        # needs matplotlib

Repeats 60 runs of the plan `choke_vs_naive`, draws their completion times as the report does, and compares every
digest and every point with the committed tables. Change a line, and you have a figure of your own.
"""

import csv
import gzip
import sys
from pathlib import Path

import matplotlib
import numpy

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

import unchoke  # noqa: E402

# What the plan says about the scenario, about origins, and about the two clients. experiments/plans/choke_vs_naive.toml
SCENARIO = "flash-hetero"
SWARM = {"peers": 60, "size": "10 MiB", "piece": "128 KiB", "sample_every": "5 s"}
ORIGIN = {"origin.0.policy": "bep3", "origin.0.max_connections": 80}
CLIENTS = {
    "tit_for_tat_80": {"client.policy": "tit_for_tat", "client.profile": "original", "client.max_connections": 80},
    "unchoke_all_80": {"client.policy": "unchoke_all", "client.profile": "original", "client.max_connections": 80},
}
PERCENTS = numpy.arange(101)
# The 97.5 % quantile of Student's t with 29 degrees of freedom: 95 % intervals over 30 seeds.
T_29 = 2.045229642


def table(folder, name, policy):
    """Rows of a committed table for one client in the scenario, without repeated runs."""
    with gzip.open(Path(folder) / f"{name}.csv.gz", "rt") as file:
        rows = [it for it in csv.DictReader(file) if (it["scenario"], it["policy"]) == (SCENARIO, policy)]
    return [it for it in rows if it.get("replica", "0") == "0"]


def completion_times(run):
    """Seconds from arrival to completion of every peer, without origins."""
    peers = run.peers
    times = (peers["completed_s"] - peers["arrived_s"])[peers["origin"] == 0]
    # The report counts a peer that did not complete with its time until the horizon. There is none in these runs.
    assert not numpy.isnan(times).any(), f"{run.digest}: a peer did not complete"
    return times


def curve(runs):
    """Quantiles of all peers together; of single runs, the mean over seeds and the half-width of its interval."""
    times = [completion_times(it) for it in runs]
    together = numpy.quantile(numpy.concatenate(times), PERCENTS / 100)
    by_run = numpy.array([numpy.quantile(it, PERCENTS / 100) for it in times])
    half = T_29 * by_run.std(axis=0, ddof=1) / len(runs) ** 0.5
    return together, by_run.mean(axis=0), half


def check(what, own, rows, column):
    """Compares with a column of the table, which has nine digits."""
    committed = numpy.array([float(it[column]) for it in rows])
    if not numpy.allclose(own, committed, rtol=1e-7, atol=0):
        at = int(numpy.argmax(abs(own / committed - 1)))
        raise SystemExit(f"{what}, {column} at {at} %: {own[at]}, but {committed[at]} in the table")


def main(folder, picture):
    seeds = [int(it["run_seed"]) for it in table(folder, "runs", "tit_for_tat_80")]
    sets = [{**SWARM, **ORIGIN, **it} for it in CLIENTS.values()]
    runs = unchoke.sweep(SCENARIO, seeds=seeds, sets=sets)
    figure, axes = plt.subplots(figsize=(6, 4))
    for at, name in enumerate(CLIENTS):
        own = runs[at * len(seeds):(at + 1) * len(seeds)]
        digests = [it["digest"] for it in table(folder, "runs", name)]
        if [it.digest for it in own] != digests:
            raise SystemExit(f"{name}: the runs are not those of {folder}/runs.csv.gz")
        together, mean, half = curve(own)
        rows = table(folder, "completion", name)
        for column, values in (("time_s", together), ("run_mean_s", mean), ("run_ci95_low", mean - half),
                               ("run_ci95_high", mean + half)):
            check(name, values, rows, column)
        axes.plot(together, PERCENTS, label=name)
        axes.fill_betweenx(PERCENTS, mean - half, mean + half, alpha=0.2)
        print(f"{name}: {len(own)} runs, median {together[50]:.1f} s; digests and points are those of the report")
    axes.set(xlabel="seconds since arrival", ylabel="% of peers complete", title=f"{SCENARIO}, {len(seeds)} seeds")
    axes.set(xlim=(0, None), ylim=(0, 100))
    axes.legend()
    figure.savefig(picture)


if __name__ == "__main__":
    main(*sys.argv[1:])
