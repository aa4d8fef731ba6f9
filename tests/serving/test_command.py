"""`textgen serve` as a process: what it says, what it writes, and how it ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from cli.commands import TINY, run_lines
from cli.in_process import run_here

from textgen_core.runs.listing import summarise
from textgen_core.serving.guard import Served

ENDLESS = {"logit_bias": {"3": -100}}
PROC = Path("/proc/self").parent


def children_of(number):
    """The processes that another one started, where Linux tells."""
    found = []
    for stat in PROC.glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            if int(stat.read_text().rpartition(")")[2].split()[1]) == number:
                found.append(int(stat.parent.name))
    return sorted(found)


def is_alive(number):
    stat = PROC / str(number) / "stat"
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def give_up(process, body):
    with suppress(OSError, http.client.HTTPException):
        process.post("/v1/completions", body)


# ---- mistakes, which are told at once -----------------------------------------------------------


def test_a_port_in_use_is_told_with_the_way_out(monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run_here(monkeypatch, capsys, "serve", "--port", str(port))
    assert done.returncode == 2
    assert f"Port {port} is in use on 127.0.0.1." in done.stderr
    assert "--port 0" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["no-such-run", "--port", "0"], 4, "no-such-run"),
        (["--host", "0.0.0.0"], 2, "lets whoever reaches this machine use the model"),
        (["--host", "203.0.113.7", "--key", "k"], 2, "Nothing can listen on 203.0.113.7"),
        (["--open", "--no-page"], 2, "do not go together"),
        (["--port", "70000"], 2, "65535"),
        (["--max-tokens", "0"], 2, "--max-tokens"),
    ],
)
def test_a_mistake_is_told_before_anything_is_loaded(
    monkeypatch, capsys, tmp_path, arguments, code, words
):
    monkeypatch.chdir(tmp_path)
    done = run_here(monkeypatch, capsys, "serve", *arguments)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) <= 4


def test_the_log_names_what_was_answered(monkeypatch, capsys):
    from textgen_core.cli.serve import _log

    served = Served(method="POST", path="/v1/completions", status=200, seconds=0.5, tokens=16)
    _log(served)
    assert capsys.readouterr().err == "POST /v1/completions 200 16 tokens 0.50 s\n"


# ---- two runs, served ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with two tiny runs, `letters` and `pairs`, and their programs in its cache."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "text.txt").write_text("The ferry waits by the mill. A miller sings.\n" * 60)
    pairs = [*TINY, "--tokenizer", "bpe:vocabulary_size=300", "--set", "training.counts=3"]
    results = run_lines(
        [
            ["run", "text.txt", "--out", "letters", *TINY],
            ["run", "text.txt", "--out", "pairs", *pairs],
        ],
        folder,
    )
    assert [each.returncode for each in results] == [0, 0], results
    return folder


class Process:
    """A server as its own process; `rest` is what it said after it was ready."""

    def __init__(self, folder, *arguments):
        inherited = {key: os.environ[key] for key in os.environ if key != "TF_CPP_MIN_LOG_LEVEL"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "textgen_core", "serve", *arguments, "--port", "0"],
            cwd=folder,
            env={**inherited, "TEXTGEN_CACHE": str(folder / "cache"), "COLUMNS": "100"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines = []
        self._is_ready = threading.Event()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        assert self._is_ready.wait(120), self.end(signal.SIGKILL)
        self.place = re.search(r"http://([\d.:]+)", "".join(self.lines))[1]
        self.children = children_of(self.process.pid)

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            if line.startswith(("}", "Ctrl-C")):
                self._is_ready.set()

    def post(self, path, body):
        connection = http.client.HTTPConnection(self.place, timeout=60)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        try:
            return json.loads(response.read())
        finally:
            connection.close()

    def end(self, number=signal.SIGINT):
        """End it, and return how long that took, its exit code and its stderr."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(60)
        seconds = time.monotonic() - begun
        said = self.process.stderr.read()
        self._reading.join(10)
        self.process.stdout.close()
        self.process.stderr.close()
        return seconds, self.process.returncode, said


def generated(folder, run, seed, samples, prompt="The "):
    line = ["generate", run, "--prompt", prompt, "--seed", str(seed), "--samples", str(samples)]
    return [*line, "--max-new-tokens", "30", "--json"]


def test_a_server_writes_and_scores_as_the_commands_do_and_ends_at_ctrl_c(folder):
    (folder / "scored.txt").write_text("The miller waits by the ferry.")
    wanted = [(run, seed, n) for run in ("letters", "pairs") for seed, n in ((1, 1), (2, 3))]
    lines = [generated(folder, *each) for each in wanted]
    lines += [["score", run, "scored.txt", "--json"] for run in ("letters", "pairs")]
    results = [json.loads(each.stdout) for each in run_lines(lines, folder)]
    process = Process(folder, "letters", "pairs", "--json")
    try:
        assert json.loads("".join(process.lines)) == {
            "url": f"http://{process.place}",
            "models": ["letters", "pairs"],
        }
        found = []
        asking = []
        for run, seed, n in wanted * 2:  # all at once
            body = {"model": run, "prompt": "The ", "seed": seed, "n": n, "max_tokens": 30}
            answer = threading.Thread(
                target=lambda key=(run, seed, n), body=body: found.append(
                    (key, process.post("/v1/completions", body))
                )
            )
            answer.start()
            asking.append(answer)
        for each in asking:
            each.join()
        assert len(found) == 8
        expected = dict(zip(wanted, results, strict=False))
        for key, answer in found:
            texts = [choice["text"] for choice in answer["choices"]]
            assert texts == [sample["text"] for sample in expected[key]["samples"]], key
        for run, scored in zip(("letters", "pairs"), results[len(wanted) :], strict=True):
            body = {"model": run, "prompt": "The miller waits by the ferry.", "max_tokens": 0}
            answer = process.post("/v1/completions", {**body, "echo": True, "logprobs": 1})
            logprobs = answer["choices"][0]["logprobs"]
            values = [-token["loss"] for token in scored["scored"]]
            assert logprobs["token_logprobs"] == [None, *values[1:]]
            assert logprobs["tokens"] == [token["text"] for token in scored["scored"]]
        streams = []
        for _ in range(8):
            connection = http.client.HTTPConnection(process.place, timeout=60)
            body = {"max_tokens": 1024, "stream": True, **ENDLESS}
            headers = {"Content-Type": "application/json"}
            connection.request("POST", "/v1/completions", json.dumps(body), headers)
            streams.append(connection)
    finally:
        seconds, code, said = process.end()
    for connection in streams:
        connection.close()
    assert (code, seconds < 3) == (0, True), said
    assert not any(map(is_alive, process.children))
    assert "The server has ended." in said
    assert "Traceback" not in said
    assert "ferry" not in said
    assert len(re.findall(r"^POST /v1/completions 200 ", said, re.M)) >= 10


@pytest.mark.skipif(not PROC.exists(), reason="asks /proc what is loaded")
def test_a_server_says_where_it_listens_and_imports_no_tensorflow(folder):
    assert summarise(folder / "letters").step
    process = Process(folder, "letters", "--parallel", "2")
    try:
        said = "".join(process.lines)
        assert f"Serving letters at http://{process.place}\n" in said
        assert f"curl http://{process.place}/v1/completions" in said
        assert "OPENAI_API_KEY=none" in said
        assert process.post("/v1/completions", {"prompt": "The ", "max_tokens": 3})["choices"]
        for number in (process.process.pid, *process.children):
            assert "_pywrap_tensorflow" not in (PROC / str(number) / "maps").read_text()
    finally:
        _, code, _ = process.end(signal.SIGTERM)
    assert code == 0


@pytest.mark.skipif(not PROC.exists(), reason="asks /proc which processes there are")
def test_a_text_outlives_its_process_and_processes_do_not_outlive_the_server(folder):
    body = {"prompt": "The ", "seed": 1, "max_tokens": 1000, **ENDLESS}
    process = Process(folder, "letters", "--parallel", "2")
    try:
        assert len(process.children) == 2
        expected = process.post("/v1/completions", body)["choices"][0]["text"]
        answers = []
        asking = [
            threading.Thread(
                target=lambda: answers.append(process.post("/v1/completions", body)), daemon=True
            )
            for _ in range(4)
        ]
        for each in asking:
            each.start()
        time.sleep(0.05)
        os.kill(process.children[0], signal.SIGKILL)
        for each in asking:
            each.join()
        assert [each["choices"][0]["text"] for each in answers] == [expected] * 4
        children = children_of(process.process.pid)
        assert len(children) == 2
        assert process.children[0] not in children
        long = {**body, "max_tokens": 1024, "n": 16}
        thread = threading.Thread(target=lambda: give_up(process, long), daemon=True)
        thread.start()
    finally:
        process.end(signal.SIGKILL)
    end = time.monotonic() + 5
    while any(map(is_alive, children)):
        assert time.monotonic() < end
        time.sleep(0.02)
    thread.join(10)
