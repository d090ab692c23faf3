"""Tests the installed wheel. Run by experiments/python/check, with the path of `lab` as argument."""

import json
import pathlib
import subprocess
import sys
import threading
import time

import numpy
import unchoke

lab = sys.argv[1]
CHANGE = {"peers": 40, "torrent.size": "4 MiB", "client.policy": "tit_for_tat", "sample_every": "5 s"}


def native(seed):
    options = [f"--set={key}={value}" for key, value in CHANGE.items()]
    command = [lab, "sim", "flash-hetero", "--seed", str(seed), "--format", "json", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def refused(part, call=unchoke.run, **request):
    try:
        call(**request)
    except ValueError as error:
        assert part in str(error) and "\n" not in str(error), error
        return
    raise AssertionError(f"{request} was taken")


one = unchoke.run("flash-hetero", seed=3, set=CHANGE)
said = native(3)
assert one.digest == said["digest"], (one.digest, said["digest"])
peers = one.peers
leechers = peers["origin"] == 0
assert leechers.sum() == said["leechers"] and len(peers["node"]) == said["peers"]
times = (peers["completed_s"] - peers["arrived_s"])[leechers]
assert abs(numpy.nanmean(times) - said["completion_s"]["mean"]) < 1e-6
assert peers["useful_bytes"].sum() == said["bytes"]["payload_useful"]
assert one.bytes_by_cause()["useful_bytes"] == said["bytes"]["payload_useful"]
assert one.totals["events"] == said["events"] and len(one.samples["at_s"]) > 3
assert one.class_matrix.sum() == peers["useful_bytes"].sum()

many = unchoke.sweep("flash-hetero", seeds=range(1, 5), sets=[CHANGE, {**CHANGE, "client.policy": "bep3"}], jobs=2)
assert [(it.seed, it.set["client.policy"]) for it in many][:5:4] == [(1, "tit_for_tat"), (1, "bep3")]
assert many[2].digest == one.digest, "threads show"
assert many[0].digest == native(1)["digest"] and len({it.digest for it in many}) == 8

# Other Python threads must continue while a sweep runs.
ticks, stop = [], threading.Event()


def tick():
    while not stop.wait(0.01):
        ticks.append(time.monotonic())


clock = threading.Thread(target=tick)
clock.start()
unchoke.sweep("w1", seeds=[1], sets=[{"peers": 150}], jobs=1)
stop.set()
clock.join()
assert len(ticks) > 5, f"{len(ticks)} ticks: the lock was held"

refused("no-such", scenario="no-such")
refused("client.polisy", scenario="w1", set={"client.polisy": "bep3"})
refused("-1", scenario="w1", seed=-1)
refused("seed 1.5 is no whole number", scenario="w1", seed=1.5)
refused("change 'peers=5' is no dictionary", scenario="w1", set="peers=5")
refused("scenario 5 is neither", scenario=5)
refused("client.policy", scenario="w1", set={"client.policy": None})
refused("peers", scenario="w1", set={"peers": [1, 2]})
refused("no-such.toml", scenario=pathlib.Path("no-such.toml"))
refused("seeds 5 is no list", call=unchoke.sweep, scenario="w1", seeds=5)
refused("is no list such as [{", call=unchoke.sweep, scenario="w1", seeds=[1], sets={"peers": 5})
refused("jobs -1", call=unchoke.sweep, scenario="w1", seeds=[1], jobs=-1)
assert unchoke.run("flash-hetero", seed=numpy.int64(3), set=CHANGE).digest == one.digest
assert "bep3" in unchoke.policies() and "w1" in unchoke.scenarios()
print(f"ok: digest {one.digest}, {len(many)} runs on two threads, {len(ticks)} ticks meanwhile")
