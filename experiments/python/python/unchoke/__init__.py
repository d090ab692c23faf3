"""BitTorrent swarms, simulated: columns of numbers for NumPy, pandas and polars.

>>> import unchoke
>>> run = unchoke.run("flash-hetero", seed=1, set={"peers": 50})
>>> run.digest                      # the same as `lab sim flash-hetero --seed 1 --set peers=50` prints
>>> run.peers["completed_s"]        # NumPy arrays, one number per peer; NaN if it did not complete
>>> pandas.DataFrame(run.peers)     # or polars.DataFrame(run.peers)
"""

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

import numpy

from . import _unchoke

__all__ = ["Run", "policies", "run", "scenarios", "sweep"]

Columns = Dict[str, numpy.ndarray]
Change = Optional[Mapping[str, Any]]


@dataclass(frozen=True)
class Run:
    """The result of one swarm. Times are seconds of simulated time; units are in the names."""

    #: Scenario, seed and changes; they determine the result.
    scenario: str
    seed: int
    set: Mapping[str, Any]
    #: Digest of all events in order. Equal runs have equal digests.
    digest: str
    #: One row per node, including origins.
    peers: Columns
    #: The swarm over time, if the scenario sets `sample_every`.
    samples: Columns
    #: Useful bytes between access classes: rows send, columns receive.
    class_matrix: numpy.ndarray
    #: Figures of the whole run.
    totals: Dict[str, Union[int, float]]

    def bytes_by_cause(self) -> Dict[str, int]:
        """Bytes of the whole swarm: useful, wasted by cause, and sent by kind of message."""
        parts = ("wasted_", "sent_", "useful_")
        names = [it for it in self.peers if it.startswith(parts) and it != "sent_bytes"]
        return {it: int(self.peers[it].sum()) for it in names}


def run(scenario: str, *, seed: int = 1, set: Change = None) -> Run:
    """Runs one swarm: a built-in scenario or a TOML file, with changes as `{"client.policy": "bep3"}`.

    Raises ValueError with a sentence that says what is wrong, where, and what is expected.
    """
    return sweep(scenario, seeds=[seed], sets=[set or {}], jobs=1)[0]


def sweep(
    scenario: str,
    *,
    seeds: Iterable[int],
    sets: Optional[Iterable[Mapping[str, Any]]] = None,
    jobs: int = 0,
) -> List[Run]:
    """Runs every change with every seed, on `jobs` threads (0: one per core), without Python's lock.

    The order is that of `sets`, then of `seeds`. Runs of one seed share arrivals, capacities and lifetimes.
    """
    seeds = list(seeds)
    wanted = [(change, seed) for change in (sets if sets is not None else [{}]) for seed in seeds]
    for _, seed in wanted:
        if not isinstance(seed, int) or not 0 <= seed < 2**64:
            raise ValueError(f"seed {seed!r} is no whole number from 0 to 2**64 - 1")
    requests = [(scenario, seed, _typed(change)) for change, seed in wanted]
    done = _unchoke.run_many(requests, jobs)
    return [_run(scenario, seed, change, it) for (change, seed), it in zip(wanted, done)]


def scenarios() -> Dict[str, str]:
    """The built-in scenarios, each with a description."""
    return dict(_unchoke.scenarios())


def policies() -> Dict[str, str]:
    """The choking policies, each with a description."""
    return dict(_unchoke.policies())


def _typed(change: Mapping[str, Any]) -> List[str]:
    """Changes in the form that `--set` accepts."""
    text = {True: "true", False: "false"}
    return [f"{key}={text[it] if isinstance(it, bool) else it}" for key, it in change.items()]


def _run(scenario: str, seed: int, change: Mapping[str, Any], raw: Any) -> Run:
    digest, tables = raw
    columns = {
        table: {name: numpy.frombuffer(data, dtype=kind) for name, kind, data in parts} for table, parts in tables
    }
    matrix = columns["class_matrix"]["useful_bytes"]
    side = round(len(matrix) ** 0.5)
    return Run(
        scenario=scenario,
        seed=seed,
        set=dict(change),
        digest=digest,
        peers=columns["peers"],
        samples=columns["samples"],
        class_matrix=matrix.reshape(side, side),
        totals={name: it[0].item() for name, it in columns["run"].items()},
    )
