"""One figure from scratch: the effect of tit-for-tat with five connections on completion times.

    python example.py times.svg        # needs matplotlib
"""

import sys

import matplotlib
import numpy

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

import unchoke  # noqa: E402

SEEDS = range(1, 11)
POLICIES = {"bep3": {"client.policy": "bep3"},
            "tit_for_tat, five connections": {"client.policy": "tit_for_tat", "client.max_connections": 5},
            "unchoke_all": {"client.policy": "unchoke_all"}}

base = {"peers": 60, "torrent.size": "10 MiB"}
runs = unchoke.sweep("flash-hetero", seeds=SEEDS, sets=[{**base, **it} for it in POLICIES.values()])

figure, axes = plt.subplots(figsize=(6, 4))
for at, name in enumerate(POLICIES):
    own = runs[at * len(SEEDS):(at + 1) * len(SEEDS)]
    times = numpy.concatenate([(it.peers["completed_s"] - it.peers["arrived_s"])[it.peers["origin"] == 0] for it in own])
    # Peers that did not complete stay in the denominator, so the curve ends below 1.
    done = numpy.sort(times[~numpy.isnan(times)])
    axes.step(done, numpy.arange(1, len(done) + 1) / len(times), label=name)
axes.set(xlabel="completion time, s", ylabel="share of peers", title=f"flash-hetero, 60 peers, {len(SEEDS)} seeds")
axes.legend()
figure.savefig(sys.argv[1])
