"""How quickly a served run answers, how fairly it is shared, and whether memory grows.

    python tests/benchmarks/serving.py RUN [--clients 8] [--tokens 400] [--requests 10000]

starts `textgen serve` and asks it over its socket; a quiet machine is needed.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import statistics
import subprocess
import sys
import threading
import time

ENDLESS = {"logit_bias": {"3": -100}}  # <END> is never drawn


class Server:
    """`textgen serve` as a process."""

    def __init__(self, run: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "textgen_core", "serve", run, "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        begun, said = time.perf_counter(), ""
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
    def memory(self):
        """Return its resident memory in MB."""
        with open(f"/proc/{self.process.pid}/statm") as file:  # noqa: PTH123
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    @property
    def cpu_seconds(self):
        """Return the seconds that its cores have worked, which other programs do not change."""
        with open(f"/proc/{self.process.pid}/stat") as file:  # noqa: PTH123
            used = file.read().rpartition(")")[2].split()[11:13]
        return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")

    def end(self):
        begun = time.perf_counter()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        return time.perf_counter() - begun


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
    parser.add_argument("run")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--requests", type=int, default=10_000)
    given = parser.parse_args()
    server = Server(given.run)
    cores = len(os.sched_getaffinity(0))
    rows = [("ready after", f"{server.seconds_to_ready:.1f} s")]
    rows.append(("first token after ready", f"{first_token(server):.0f} ms"))
    later = statistics.median(first_token(server) for _ in range(20))
    rows.append(("first token, median of 20", f"{later:.0f} ms"))
    begun = server.cpu_seconds
    alone = statistics.median(server.rate(seed, given.tokens)[0] for seed in range(3))
    cost = 1e6 * (server.cpu_seconds - begun) / (3 * given.tokens)
    rows.append(("one client", f"{alone:,.0f} tokens/s, {cost:.0f} us of a core each"))
    begun = server.cpu_seconds
    rates, total = together(server, given.clients, given.tokens)
    cost = 1e6 * (server.cpu_seconds - begun) / (given.clients * given.tokens)
    rows.append((f"{given.clients} clients together", f"{cost:.0f} us of a core each token"))
    share = total / (alone * min(cores, given.clients))
    rows.append((f"{given.clients} clients", f"{total:,.0f} tokens/s, {share:.2f} a core of one"))
    rows.append(("the slowest of them", f"{min(rates) / statistics.mean(rates):.2f} of the mean"))
    before, after = many(server, given.requests)
    growth = 100 * (after / before - 1)
    rows.append((f"memory, {given.requests:,} requests", f"{after:.0f} MB, {growth:+.1f} %"))
    rows.append(("Ctrl-C", f"{server.end():.1f} s, exit {server.process.returncode}"))
    for name, value in rows:
        print(f"{name:<32}{value}")


if __name__ == "__main__":
    main()
