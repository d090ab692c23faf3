"""BitTorrent swarms, simulated: columns of numbers for NumPy, pandas and polars.

>>> import unchoke
>>> run = unchoke.run("flash-hetero", seed=1, set={"peers": 50})
>>> run.digest                      # the same as `lab sim flash-hetero --seed 1 --set peers=50` prints
>>> run.peers["completed_s"]        # NumPy arrays, one number per peer; NaN if it did not complete
>>> pandas.DataFrame(run.peers)     # or polars.DataFrame(run.peers)
"""

import operator
import os
from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

import numpy

from . import _unchoke

__all__ = ["Run", "policies", "run", "scenarios", "sweep"]

Columns = Dict[str, numpy.ndarray]
Change = Optional[Mapping[str, Any]]
Scenario = Union[str, "os.PathLike[str]"]


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


def run(scenario: Scenario, *, seed: int = 1, set: Change = None) -> Run:
    """Runs one swarm: a built-in scenario or a TOML file, with changes as `{"client.policy": "bep3"}`.

    Raises ValueError with a sentence that says what is wrong, where, and what is expected.
    """
    return sweep(scenario, seeds=[seed], sets=[{} if set is None else set], jobs=1)[0]


def sweep(
    scenario: Scenario,
    *,
    seeds: Iterable[int],
    sets: Optional[Iterable[Mapping[str, Any]]] = None,
    jobs: int = 0,
) -> List[Run]:
    """Runs every change with every seed, on `jobs` threads (0: one per core), without Python's lock.

    The order is that of `sets`, then of `seeds`. Runs of one seed share arrivals, capacities and lifetimes.
    """
    try:
        scenario = os.fspath(scenario)
    except TypeError:
        raise ValueError(f"scenario {scenario!r} is neither a name nor a file") from None
    seeds = [_whole("seed", it) for it in _listed("seeds", seeds, "range(10)")]
    changes = [{}] if sets is None else _listed("sets", sets, "[{'client.policy': 'bep3'}]")
    wanted = [(change, seed) for change in changes for seed in seeds]
    requests = [(scenario, seed, _typed(change)) for change, seed in wanted]
    jobs = _whole("jobs", jobs)
    done = _unchoke.run_many(requests, jobs)
    return [_run(scenario, seed, change, it) for (change, seed), it in zip(wanted, done)]


def scenarios() -> Dict[str, str]:
    """The built-in scenarios, each with a description."""
    return dict(_unchoke.scenarios())


def policies() -> Dict[str, str]:
    """The choking policies, each with a description."""
    return dict(_unchoke.policies())


def _listed(name: str, values: Any, example: str) -> list:
    """The values as a list. A dictionary or a text is a mistake, although Python could iterate over it."""
    if isinstance(values, (str, Mapping)) or not isinstance(values, Iterable):
        raise ValueError(f"{name} {values!r} is no list such as {example}")
    return list(values)


def _whole(name: str, value: Any) -> int:
    """A whole number of any type, also NumPy's."""
    try:
        number = operator.index(value)
    except TypeError:
        number = -1
    if not 0 <= number < 2**64:
        raise ValueError(f"{name} {value!r} is no whole number from 0 to 2**64 - 1")
    return number


def _typed(change: Any) -> List[str]:
    """Changes in the form that `--set` accepts."""
    if not isinstance(change, Mapping):
        raise ValueError(f"change {change!r} is no dictionary such as {{'client.policy': 'bep3'}}")
    said = lambda it: str(it).lower() if isinstance(it, (bool, numpy.bool_)) else it
    return [f"{key}={said(it)}" for key, it in change.items()]


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
