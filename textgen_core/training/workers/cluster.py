"""Which of several workers this process is, as its environment says.

TF_CONFIG is set by Kubernetes operators, by Ray or by hand; a step of SLURM has variables of its
own, read by the rules of TensorFlow's SlurmClusterResolver. TensorFlow is not imported: that a
variable is wrong is told at once.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from textgen_core.errors import UsageError

VARIABLE = "TF_CONFIG"
_EXAMPLE = '{"cluster": {"worker": ["a:2222", "b:2222"]}, "task": {"type": "worker", "index": 0}}'
_ALLOWED = f"Allowed: {_EXAMPLE}"
_ADVICE = f"For a training by this process alone: unset {VARIABLE}"
_MOST_WORKERS = 10_000
# Ports of a step of SLURM: below those that systems give to connections, and by the job, so that
# two jobs on one node do not meet.
_FIRST_PORT, _PORTS, _PORTS_OF_A_JOB = 10_000, 20_000, 64


@attrs.frozen
class Cluster:
    """The workers of a training, of which this process is one; addresses: "host:port" of each."""

    rank: int
    size: int
    addresses: tuple[str, ...]

    @property
    def is_first(self) -> bool:
        """Whether this is the worker that writes the run."""
        return self.rank == 0

    def as_tf_config(self) -> str:
        """Return what TF_CONFIG says to this worker."""
        task = {"type": "worker", "index": self.rank}
        return json.dumps({"cluster": {"worker": list(self.addresses)}, "task": task})


def cluster_from(environment: Mapping[str, str]) -> Cluster | None:
    """Return which worker a process with this environment is; None: it trains alone.

    TF_CONFIG is asked before SLURM.

    Raises:
        UsageError: TF_CONFIG, or what SLURM says, cannot be understood.
    """
    if environment.get(VARIABLE, "").strip():
        return _from_tf_config(environment[VARIABLE])
    if {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"} <= environment.keys():
        return _from_slurm(environment)
    return None


def _from_tf_config(text: str) -> Cluster | None:
    try:
        told = json.loads(text)
    except ValueError as error:
        raise UsageError(f"{VARIABLE} is no JSON: {error}.", _ALLOWED, _ADVICE) from error
    try:
        workers: Mapping[str, Any] = told.get("cluster") or {}
        if not workers:
            return None
        task = told["task"]
        kind, index = str(task["type"]), int(task["index"])
        jobs = {name: [str(each) for each in workers[name]] for name in workers}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        problem = f"{VARIABLE} lacks what it has to say, or says it in another way: {error}."
        raise UsageError(problem, _ALLOWED, _ADVICE) from error
    if other := next((name for name in (*jobs, kind) if name not in ("chief", "worker")), None):
        problem = f"{VARIABLE} names the job {other!r}, and textgen has none of that kind."
        raise UsageError(problem, "Allowed: worker, and chief, which is the first.", _ADVICE)
    if not 0 <= index < len(jobs.get(kind, ())):
        problem = f"{VARIABLE} says that this is {kind} {index}, and there is no address of one."
        raise UsageError(problem, _ALLOWED, _ADVICE)
    chiefs = jobs.get("chief", [])
    rank = index if kind == "chief" else len(chiefs) + index
    return _checked(rank, (*chiefs, *jobs.get("worker", [])), VARIABLE)


def _from_slurm(environment: Mapping[str, str]) -> Cluster | None:
    """Ranks are those of SLURM, in blocks: the first node has the first ones."""
    if environment["SLURM_STEP_NUM_TASKS"] == "1":  # srun --pty, whatever else it sets
        return None
    try:
        count, rank = int(environment["SLURM_STEP_NUM_TASKS"]), int(environment["SLURM_PROCID"])
        hosts = list(_hosts(environment["SLURM_STEP_NODELIST"]))
        tasks = list(_tasks(environment["SLURM_STEP_TASKS_PER_NODE"]))
        job = int(environment.get("SLURM_JOB_ID", "0"))
        places = [
            (host, number)
            for host, on_it in zip(hosts, tasks, strict=True)
            for number in range(on_it)
        ]
        if not 0 <= rank < count == len(places):
            raise ValueError(f"task {rank} of {count}, and {len(places)} on the nodes")
        node = int(environment.get("SLURM_NODEID", hosts.index(places[rank][0])))
        where = hosts[node], int(environment.get("SLURM_LOCALID", places[rank][1]))
    except KeyError as error:
        raise UsageError(f"A step of SLURM, and {error} is not set.", advice=_BY_HAND) from error
    except (ValueError, IndexError) as error:
        problem = f"What SLURM says of this step cannot be understood: {error}."
        raise UsageError(problem, advice=_BY_HAND) from error
    if where != places[rank]:
        raise UsageError(
            f"Task {rank} runs as number {where[1]} on {where[0]}; in blocks it would be number "
            f"{places[rank][1]} on {places[rank][0]}.",
            "Allowed: tasks that are given to the nodes in blocks.",
            "Start them with: srun --distribution=block",
        )
    first = _FIRST_PORT + job * _PORTS_OF_A_JOB % _PORTS
    return _checked(rank, tuple(f"{host}:{first + number}" for host, number in places), "SLURM")


_BY_HAND = f"Say it yourself in {VARIABLE}: {_EXAMPLE}"


def _checked(rank: int, addresses: tuple[str, ...], source: str) -> Cluster | None:
    """Return the cluster of these addresses, or None if it is one process."""
    for each in addresses:
        host, _, port = each.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            problem = f"{source} has the address {each!r}, which is none."
            raise UsageError(problem, "Allowed: host:port, such as node-1:2222.")
    if len(set(addresses)) < len(addresses):
        twice = next(each for each in addresses if addresses.count(each) > 1)
        raise UsageError(f"{source} gives the address {twice} to two workers.")
    if len(addresses) > _MOST_WORKERS:
        problem = f"{source} names {len(addresses):,} workers."
        raise UsageError(problem, f"Allowed: up to {_MOST_WORKERS:,}.")
    return Cluster(rank, len(addresses), addresses) if len(addresses) > 1 else None


def _hosts(text: str) -> Iterator[str]:
    """Yield the hosts of a list as SLURM writes it: "n[1-2],m5" are n1, n2 and m5."""
    for prefix, ranges in _parts(text, r"([^,\[\]]+)(?:\[([\d,-]+)\])?"):
        for each in ranges.split(",") if ranges else ():
            first, _, last = each.partition("-")
            for number in range(int(first), int(last or first) + 1):
                yield f"{prefix}{number:0{len(first)}}"
        if not ranges:
            yield prefix


def _tasks(text: str) -> Iterator[int]:
    """Yield the number of tasks on each node: "3(x2),1" are 3, 3 and 1."""
    for number, times in _parts(text, r"(\d+)(?:\(x(\d+)\))?"):
        yield from itertools.repeat(int(number), int(times or 1))


def _parts(text: str, pattern: str) -> list[tuple[str, str]]:
    """Return what the two groups of a pattern match in each part of a list with commas."""
    if not re.fullmatch(rf"{pattern}(?:,{pattern})*", text):
        raise ValueError(f"{text!r} is no list of SLURM's")
    return re.findall(pattern, text)
