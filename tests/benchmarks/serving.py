"""How quickly a served run answers, how fairly it is shared, and whether memory grows.

    python tests/benchmarks/serving.py RUN... [--clients 8] [--tokens 400] [--requests 10000]
        [--parallel N]

starts `textgen serve` and asks it over its socket; a quiet machine is needed. What its processes
use is added up; of memory that several share, each has its part.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

ENDLESS = {"logit_bias": {"3": -100}}  # <END> is never drawn


class Server:
    """`textgen serve` as a process."""

    def __init__(self, run: str, *options: str) -> None:
        command = [sys.executable, "-m", "textgen_core", "serve", run, "--port", "0", "--json"]
        begun, said = time.perf_counter(), ""
        self.process = subprocess.Popen(
            [*command, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        while not said.rstrip().endswith("}"):
            said += self.process.stdout.readline()
        self.seconds_to_ready = time.perf_counter() - begun
        self.place = json.loads(said)["url"].removeprefix("http://")

    def ask(self, **body):
        """Return the response to a completion that has just begun."""
        connection = http.client.HTTPConnection(self.place, timeout=600)
        headers = {"Content-Type": "application/json"}
        connection.request("POST", "/v1/completions", json.dumps({**ENDLESS, **body}), headers)
        return connection, connection.getresponse()

    def rate(self, seed, tokens):
        """Return the tokens a second of one text, and when it began and ended."""
        begun = time.perf_counter()
        connection, response = self.ask(prompt="a", max_tokens=tokens, seed=seed)
        count = json.loads(response.read())["usage"]["completion_tokens"]
        ended = time.perf_counter()
        connection.close()
        return count / (ended - begun), begun, ended

    @property
    def processes(self):
        """Return the folders of its processes in /proc: itself, and those that compute."""
        own = str(self.process.pid)
        stats = {stat.parent: fields_of(stat) for stat in Path("/proc").glob("[0-9]*/stat")}
        return [each for each, fields in stats.items() if own in (each.name, *fields[1:2])]

    @property
    def memory(self):
        """Return the memory of all in MB."""
        lines = "".join((each / "smaps_rollup").read_text() for each in self.processes)
        return sum(map(int, re.findall(r"^Pss: +(\d+) kB", lines, re.M))) / 1e3

    @property
    def cpu_seconds(self):
        """Return the seconds that its cores have worked, which other programs do not change."""
        used = [int(ticks) for each in self.processes for ticks in fields_of(each / "stat")[11:13]]
        return sum(used) / os.sysconf("SC_CLK_TCK")

    def end(self):
        begun = time.perf_counter()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        return time.perf_counter() - begun


def fields_of(stat):
    """Return the fields of a process after its name, its parent second; none if it has ended."""
    try:
        return stat.read_text().rpartition(")")[2].split()
    except OSError:
        return []


def first_token(server):
    """Return the milliseconds to the first token of a stream."""
    begun = time.perf_counter()
    connection, response = server.ask(prompt="a", max_tokens=50, stream=True)
    response.readline()
    seconds = time.perf_counter() - begun
    response.read()
    connection.close()
    return 1000 * seconds


def together(server, clients, tokens):
    """Return the rates of clients that ask at once, and the rate of all together."""
    found = []

    def ask(seed):
        found.append(server.rate(seed, tokens))

    threads = [threading.Thread(target=ask, args=[seed]) for seed in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = max(ended for *_, ended in found) - min(begun for _, begun, _ in found)
    return [rate for rate, *_ in found], clients * tokens / spent


def many(server, requests):
    """Return the memory after a tenth of so many short requests, and after all of them."""
    after = []
    for number in range(requests):
        server.rate(number, 2)
        if number + 1 in (requests // 10, requests):
            after.append(server.memory)
    return after


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="+", metavar="RUN")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--parallel", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    for run in given.runs:
        print(f"\n{run}")
        for name, value in measure(run, given):
            print(f"{name:<32}{value}", flush=True)


def measure(run, given):
    """Yield a name and a figure, one after the other."""
    server = Server(run, "--parallel", str(given.parallel))
    yield ("ready after", f"{server.seconds_to_ready:.2f} s")
    yield ("first token after ready", f"{first_token(server):.0f} ms")
    later = statistics.median(first_token(server) for _ in range(20))
    yield ("first token, median of 20", f"{later:.0f} ms")
    begun = server.cpu_seconds
    alone = statistics.median(server.rate(seed, given.tokens)[0] for seed in range(3))
    cost = 1e6 * (server.cpu_seconds - begun) / (3 * given.tokens)
    yield ("one client", f"{alone:,.0f} tokens/s, {cost:.0f} us of a core each")
    begun = server.cpu_seconds
    rates, total = together(server, given.clients, given.tokens)
    cost = 1e6 * (server.cpu_seconds - begun) / (given.clients * given.tokens)
    yield (f"{given.clients} clients together", f"{cost:.0f} us of a core each token")
    share = total / (alone * min(given.parallel, given.clients))
    yield (f"{given.clients} clients", f"{total:,.0f} tokens/s, {share:.2f} a core of one")
    yield ("the slowest of them", f"{min(rates) / statistics.mean(rates):.2f} of the mean")
    before, after = many(server, given.requests)
    growth = 100 * (after / before - 1)
    yield (f"memory, {given.requests:,} requests", f"{after:.0f} MB, {growth:+.1f} %")
    yield ("Ctrl-C", f"{server.end():.1f} s, exit {server.process.returncode}")


if __name__ == "__main__":
    main()
