"""How fast several workers train beside one, and what a model of their steps says of more.

    python tests/benchmarks/several_workers.py CORPUS [--model lstm] [--seconds 20]
    python tests/benchmarks/several_workers.py CORPUS --network 4 [--megabits 100] [--latency-ms 1]
    python tests/benchmarks/several_workers.py --forecast ROWS TOKENS SECONDS PARAMETERS

The first measures steps of one worker of one thread, with the batch and with half of it, one of all
cores, and one worker a core (`--workers`); then how long vectors take to be summed here, which
settles bandwidth and round trip of `step_time.py`; and sets what the model says beside it. The
second does so with workers in namespaces between which a switch is slow. The third measures
nothing: a batch of ROWS rows of TOKENS tokens takes one worker SECONDS. All end with the forecast
for 2, 8, 64 and 512 workers. Nothing is kept.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from machine import describe_machine, installed
from slow_network import SlowNetwork, enter
from step_time import Link, Training, all_reduce_seconds, fit_link, fit_training
from text_table import render_table

LINKS = (
    Link(name="100 Mb/s, 1 ms", bandwidth=12.5e6, round_trip=1e-3),
    Link(name="1 Gb/s, 0.1 ms", bandwidth=125e6, round_trip=1e-4),
    Link(name="10 Gb/s, 0.05 ms", bandwidth=1.25e9, round_trip=5e-5),
    Link(name="100 Gb/s, 0.01 ms", bandwidth=12.5e9, round_trip=1e-5),
)
WORKERS = (2, 8, 64, 512)
EFFICIENCY = 0.8
FORECAST = (
    "Times as fast as one worker, with the same batch",
    "Times as fast as one worker, with a batch that grows with the workers",
    f"Tokens of the batch with which they are {EFFICIENCY:.0%} of the workers times as fast",
)
MEASURED_COLUMNS = (
    "workers",
    "threads of each",
    "rows",
    "tokens/s",
    "ms a step",
    "ms by the model",
)
SIZES = (2**12, 2**17, 2**20, 2**22)  # bytes of the vectors that are summed
BATCHES = {"lstm": 32, "transformer": 8}  # of the recipe
LITTLE_ELSE = (  # than training
    *("--split", "98,1,1", "--set", "training.counts=0"),
    *("--set", "generation.samples=1", "--set", "evaluation.prompts=1"),
)
SUMS = 8  # of each size
THREADS = "TF_NUM_INTRAOP_THREADS"  # of a worker, which textgen reads too
WARM_UP = 0.4  # of a run's rows: compiling, and the first events


def main() -> None:
    """Measure, and print the tables; or be one of the workers that sum."""
    asked = _arguments()
    if asked.sum:
        _sum_vectors()
    elif asked.forecast:
        rows, tokens, seconds, parameters = asked.forecast
        training = Training(
            name="given",
            rows=int(rows),
            row_tokens=int(tokens),
            row_seconds=seconds / rows,
            update_seconds=0.0,
            gradient_bytes=int(4 * parameters),
        )
        print(forecast(training, LINKS))
    else:
        if asked.network:
            enter()
        with tempfile.TemporaryDirectory(prefix="textgen-benchmark-") as folder:
            Bench(asked, Path(folder)).measure()


def forecast(training: Training, links: Sequence[Link]) -> str:
    """Return the tables for more workers: the same batch, one that grows, and one large enough."""
    tables: dict[str, list[list[str]]] = {title: [] for title in FORECAST}
    for link in links:
        same, grown, needed = ([link.name] for _ in FORECAST)
        for workers in WORKERS:
            few = workers > training.rows
            same.append("-" if few else f"{training.speed_up(workers, link):.2f}")
            rows = training.rows * workers
            grown.append(f"{training.speed_up(workers, link, rows=rows):.1f}")
            needed.append(f"{training.rows_for(EFFICIENCY, workers, link) * training.row_tokens:,}")
        best = training.best_workers(link)
        fastest = f"{best} worker{'s' * (best > 1)}: {training.speed_up(best, link):.2f}"
        same.append(fastest)
        for title, row in zip(FORECAST, (same, grown, needed)):
            tables[title].append(row)
    columns = ["link", *(f"{workers} workers" for workers in WORKERS)]
    parts = []
    for number, (title, rows) in enumerate(tables.items()):
        more = [] if number else ["fastest"]
        parts.append(f"{title}:\n\n{render_table([*columns, *more], rows)}\n")
    return "\n".join(parts).rstrip()


class Bench:
    """The measurements of one call, in a folder of their own."""

    def __init__(self, asked: argparse.Namespace, folder: Path) -> None:
        self.asked, self.folder = asked, folder
        self.cores = sorted(os.sched_getaffinity(0))
        self.rows: list[list[str]] = []
        self.runs = 0
        self.parameters = self.row_tokens = 0
        self._network: SlowNetwork | None = None

    def measure(self) -> None:
        """Measure all, and print it."""
        count = self.asked.network or len(self.cores)
        batch = self.asked.batch_size or BATCHES[self.asked.model]
        link = self._summing(count)
        one = [self.cores[0]]
        steps = [(rows, self._alone(one, rows)) for rows in (batch, max(1, batch // count))]
        training = fit_training(self.asked.model, steps, self.row_tokens, 4 * self.parameters)
        if not self.asked.network:
            self._alone(self.cores, batch)
        crowd = max(1.0, count / len(self.cores))  # workers that share a core
        predicted = crowd * (training.step_seconds(count, link) - self._sum_seconds(count, link))
        predicted += self._sum_seconds(count, link)
        self._together(count, batch, predicted)
        print("\n".join(describe_machine(installed("textgen-core", "tensorflow"))))
        print(f"{self.asked.model}, {self.parameters:,} parameters, batches of {batch} rows of")
        print(f"{self.row_tokens} tokens; {link.name}: {link.bandwidth / 1e6:,.0f} MB/s, ", end="")
        print(f"{1e3 * link.round_trip:.2f} ms there and back\n")
        print(render_table(MEASURED_COLUMNS, self.rows), end="\n\n")
        print(forecast(training, [link, *LINKS]))

    def _sum_seconds(self, count: int, link: Link) -> float:
        return all_reduce_seconds(4 * self.parameters, count, link)

    def _summing(self, count: int) -> Link:
        """Return the link that fits how long vectors take to be summed by so many workers."""
        script = [sys.executable, __file__, "--sum"]
        name = "loopback" if not self.asked.network else "the slow network"
        answer = self._start_cluster([script] * count)
        told: Mapping[str, float] = json.loads(answer.splitlines()[-1])
        for size, seconds in told.items():
            print(f"{int(size):>9,} bytes: {1e3 * seconds:.2f} ms", file=sys.stderr, flush=True)
        return fit_link([float(size) for size in told], list(told.values()), count, name)

    def _alone(self, cores: Sequence[int], rows: int) -> float:
        """Return the seconds of a step of one worker on these cores."""
        out, command = self._command(rows)
        bound = ["taskset", "-c", ",".join(map(str, cores)), *command]
        environment = {**self._environment(), THREADS: str(len(cores))}
        subprocess.run(bound, check=True, env=environment, stdout=subprocess.DEVNULL)
        return self._noted(out, 1, len(cores), rows, None)

    def _together(self, count: int, rows: int, predicted: float) -> None:
        out, command = self._command(rows)
        if self.asked.network:
            self._start_cluster([command] * count)
        else:
            command = [*command, "--workers", str(count)]
            subprocess.run(command, check=True, env=self._environment(), stdout=subprocess.DEVNULL)
        self._noted(out, count, 1, rows, predicted)

    def _start_cluster(self, commands: Sequence[list[str]]) -> str:
        """Run one command in each worker, each on a machine of its own if that is asked for.

        Returns what the first one printed.
        """
        hosts = ["127.0.0.1"] * len(commands)
        if self.asked.network:
            bandwidth, latency = self.asked.megabits * 125e3, self.asked.latency_ms / 1e3
            self._network = self._network or SlowNetwork(
                len(commands), bandwidth=bandwidth, latency=latency
            )
            hosts = self._network.addresses
        share = str(max(1, len(self.cores) // len(commands)))
        addresses = [f"{host}:{port}" for host, port in zip(hosts, _free_ports(len(commands)))]
        processes = []
        for rank, command in enumerate(commands):
            task = {"type": "worker", "index": rank}
            config = json.dumps({"cluster": {"worker": addresses}, "task": task})
            core = str(self.cores[rank % len(self.cores)])
            bound = ["taskset", "-c", core, *command]
            environment = {**self._environment(), THREADS: share, "TF_CONFIG": config}
            processes.append(
                subprocess.Popen(
                    self._network.command(rank, bound) if self._network else bound,
                    env=environment,
                    stdout=subprocess.PIPE if rank == 0 else subprocess.DEVNULL,
                    text=True,
                )
            )
        printed, _ = processes[0].communicate()
        if failed := [rank for rank, each in enumerate(processes) if each.wait()]:
            raise SystemExit(f"Workers failed: {failed}")
        return str(printed)

    def _command(self, rows: int) -> tuple[Path, list[str]]:
        """Return the run directory of one more training, and its command."""
        self.runs += 1
        out = self.folder / f"run{self.runs}"
        command = [sys.executable, "-m", "textgen_core", "run", str(self.asked.corpus)]
        command += ["--model", self.asked.model, "--recipe", "fast", "--batch-size", str(rows)]
        command += ["--minutes", f"{self.asked.seconds / 60:.3f}", *LITTLE_ELSE]
        return out, [*command, "--quiet", "--out", str(out)]

    def _environment(self) -> dict[str, str]:
        cache = str(self.folder / "cache")
        return {**os.environ, "TEXTGEN_CACHE": cache, "TF_CPP_MIN_LOG_LEVEL": "3"}

    def _noted(
        self, out: Path, workers: int, threads: int, rows: int, predicted: float | None
    ) -> float:
        """Note the speed of a run in the table; return the seconds of a step."""
        manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
        self.parameters = manifest["model"]["parameters"]
        tokens, speed = read_speed((out / "metrics.jsonl").read_text(encoding="utf-8"))
        self.row_tokens = round(tokens / rows)
        seconds = tokens / speed
        by_model = f"{1e3 * predicted:,.1f}" if predicted is not None else ""
        row = [workers, threads, rows, f"{speed:,.0f}", f"{1e3 * seconds:,.1f}", by_model]
        self.rows.append([str(each) for each in row])
        print(self.rows[-1], file=sys.stderr, flush=True)
        return seconds


def read_speed(log: str) -> tuple[float, float]:
    """Return the tokens of a step and the tokens a second, from the rows of metrics.jsonl.

    The median of the later rows: the first ones compile.
    """
    rows = [row for row in map(json.loads, log.splitlines()) if "tokens_per_second" in row]
    later = rows[int(WARM_UP * len(rows)) :]
    speed = statistics.median(row["tokens_per_second"] for row in later)
    return later[-1]["tokens"] / later[-1]["step"], speed


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _sum_vectors() -> None:
    """Be a worker that sums vectors; the first prints how long the sizes took, the median."""
    import numpy as np

    from textgen_core.training.workers.cluster import cluster_from
    from textgen_core.training.workers.transport import connect

    cluster = cluster_from(os.environ)
    assert cluster is not None
    collective = connect(cluster)
    taken: dict[int, float] = {}
    for size in SIZES:
        vector = np.ones(size // 4, np.float32)
        collective.sum(vector)  # which compiles
        times = []
        for _ in range(SUMS):
            began = time.perf_counter()
            np.asarray(collective.sum(vector))
            times.append(time.perf_counter() - began)
        taken[size] = statistics.median(times)
    print(json.dumps(taken))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("corpus", type=Path, nargs="?")
    parser.add_argument("--model", choices=sorted(BATCHES), default="lstm")
    parser.add_argument("--batch-size", type=int, help="rows; by default the recipe's")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each training")
    parser.add_argument("--network", type=int, default=0, help="workers in a slow network")
    parser.add_argument("--megabits", type=float, default=100.0, help="a second, of that network")
    parser.add_argument("--latency-ms", type=float, default=1.0, help="of that network, one way")
    parser.add_argument(
        *("--forecast",), type=float, nargs=4, metavar=("ROWS", "TOKENS", "SECONDS", "PARAMETERS")
    )
    parser.add_argument("--sum", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if not (asked.corpus or asked.forecast or asked.sum):
        parser.error("name a corpus, or --forecast")
    return asked


if __name__ == "__main__":
    main()
