"""The model of a step of several workers, what is read from their runs, and the slow network."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"

# Ten round trips of a byte, then a megabyte, between two machines of a slow network.
TALK = """
import subprocess, sys
sys.path.insert(0, sys.argv[1])
import slow_network
slow_network.enter()
network = slow_network.SlowNetwork(2, bandwidth=5e6, latency=0.004)
answer = '''
import socket
server = socket.create_server(("", 5000))
print("up", flush=True)
client, _ = server.accept()
for _ in range(10):
    client.sendall(client.recv(1))
left = 1_000_000
while left:
    left -= len(client.recv(65536))
client.sendall(b"!")
'''
ask = '''
import socket, sys, time
client = socket.create_connection((sys.argv[1], 5000))
times = []
for _ in range(10):
    began = time.perf_counter()
    client.sendall(b"?")
    client.recv(1)
    times.append(time.perf_counter() - began)
began = time.perf_counter()
client.sendall(bytes(1_000_000))
client.recv(1)
print(min(times), time.perf_counter() - began)
'''
answering = subprocess.Popen(
    network.command(0, [sys.executable, "-c", answer]), stdout=subprocess.PIPE, text=True
)
answering.stdout.readline()
subprocess.run(network.command(1, [sys.executable, "-c", ask, network.addresses[0]]), check=True)
answering.wait()
network.close()
"""


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def model():
    return importlib.import_module("step_time")


def link_of(model, **fields):
    return model.Link(**{"name": "it", "bandwidth": 1e6, "round_trip": 0.001, **fields})


def training_of(model, **fields):
    given = {"name": "it", "rows": 8, "row_tokens": 10, "row_seconds": 0.1, "update_seconds": 0.2}
    return model.Training(**{**given, "gradient_bytes": 1000, **fields})


def test_a_ring_of_four_sends_one_and_a_half_times_the_vector_in_six_rounds(model):
    assert model.all_reduce_seconds(1e6, 4, link_of(model)) == pytest.approx(1.5 + 0.006)
    assert model.all_reduce_seconds(1e6, 1, link_of(model)) == 0


def test_workers_divide_the_rows_and_not_the_update(model):
    training = training_of(model)
    summing = 0.001 + 0.002  # 2 * 1/2 * 1000 bytes, and two rounds
    assert training.step_seconds(2, link_of(model)) == pytest.approx(4 * 0.1 + 0.2 + summing)
    assert training.step_seconds(1, link_of(model)) == pytest.approx(8 * 0.1 + 0.2)
    assert training.tokens_per_second(1, link_of(model)) == pytest.approx(80 / 1.0)
    assert training.speed_up(2, link_of(model)) == pytest.approx(1 / 0.603)


def test_a_step_is_as_long_as_that_of_the_worker_with_most_rows(model):
    training = training_of(model, update_seconds=0.0, gradient_bytes=0)
    link = link_of(model, round_trip=0.0)
    assert training.step_seconds(3, link) == pytest.approx(0.3)  # 3, 3 and 2 rows


def test_more_workers_stop_paying_where_their_messages_take_longer(model):
    training = training_of(model, update_seconds=0.0, gradient_bytes=0)
    assert training.best_workers(link_of(model, round_trip=0.0)) == 8
    # 0.8, 0.46, 0.42 and 0.38 s with one to four, 0.52 s with eight.
    assert training.best_workers(link_of(model, round_trip=0.03)) == 4


@pytest.mark.parametrize("workers", [2, 8, 512])
@pytest.mark.parametrize("efficiency", [0.5, 0.8, 0.95])
def test_the_batch_for_an_efficiency_is_the_least_that_has_it(model, workers, efficiency):
    training, link = training_of(model, gradient_bytes=2e6), link_of(model)
    rows = training.rows_for(efficiency, workers, link)
    assert training.speed_up(workers, link, rows=rows) >= efficiency * workers - 1e-9
    fewer = rows - workers
    assert training.speed_up(workers, link, rows=fewer) < efficiency * workers


def test_a_link_is_found_again_from_what_it_takes(model):
    link = link_of(model, bandwidth=4e8, round_trip=2e-4)
    sizes = [4096, 100_000, 4_000_000]
    seconds = [model.all_reduce_seconds(size, 3, link) for size in sizes]
    found = model.fit_link(sizes, seconds, 3, "it")
    assert found.bandwidth == pytest.approx(4e8)
    assert found.round_trip == pytest.approx(2e-4)


@pytest.mark.parametrize("seconds", [[0.001, 0.1], [0.1, 0.1001], [0.1, 0.05]])
def test_no_link_is_faster_than_time(model, seconds):
    link = model.fit_link([1e3, 1e6], seconds, 2, "it")
    assert link.bandwidth > 0
    assert link.round_trip >= 0


def test_what_a_row_costs_is_told_by_two_batches(model):
    training = model.fit_training("it", [(8, 1.0), (4, 0.6)], 10, 1000)
    assert training.row_seconds == pytest.approx(0.1)
    assert training.update_seconds == pytest.approx(0.2)
    noisy = model.fit_training("it", [(8, 1.0), (4, 1.1)], 10, 1000)  # half a batch, slower
    assert noisy.row_seconds == pytest.approx(1 / 8)
    assert noisy.update_seconds == pytest.approx(0)


def test_speed_is_that_of_the_later_rows():
    lines = [
        f'{{"step": {10 * n}, "tokens": {200 * n}, "tokens_per_second": {speed}}}'
        for n, speed in enumerate([1, 2, 300, 310, 320], start=1)
    ]
    log = "\n".join([*lines, '{"step": 50, "validation_loss": 2.0}'])
    assert importlib.import_module("several_workers").read_speed(log) == (20, 310)


def test_the_forecast_needs_nothing_but_numbers():
    command = [sys.executable, BENCHMARKS / "several_workers.py", "--forecast"]
    numbers = ["32", "64", "0.24", "1635832"]
    done = subprocess.run([*command, *numbers], capture_output=True, text=True, check=True)
    (line, *_) = [each for each in done.stdout.splitlines() if "| 1 Gb/s" in each]
    _, _, two, eight, *more, best, _ = map(str.strip, line.split("|"))
    # 0.24 s alone; 120 ms and 52.5 with two, 30 ms and 93 with eight.
    assert (two, eight, more) == ("1.39", "1.95", ["-", "-"])
    assert best.endswith(" workers: 2.08")


def can_make_networks():
    if not (shutil.which("unshare") and shutil.which("ip") and Path("/dev/net/tun").exists()):
        return False
    command = ["unshare", "--map-root-user", "--net", "--mount", "ip", "tuntap", "add", "t0"]
    return subprocess.run([*command, "mode", "tap"], capture_output=True).returncode == 0


def test_a_slow_network_is_no_faster_than_asked_for(tmp_path):
    if not can_make_networks():
        pytest.skip("no network namespaces with TAP devices here")
    script = tmp_path / "talk.py"
    script.write_text(TALK)
    command = [sys.executable, str(script), str(BENCHMARKS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    round_trip, megabyte = map(float, done.stdout.split())
    assert round_trip >= 2 * 0.004
    assert 1_000_000 / 5e6 <= megabyte < 10
