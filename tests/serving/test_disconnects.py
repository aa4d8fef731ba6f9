"""Clients that go away, and many at once: places are freed, and texts stay what they are."""

from __future__ import annotations

import json
import random
import socket
import threading
import time

import pytest
from serving.served import ENDLESS, FakeModel, serving

BODY = {"prompt": "abc", "max_tokens": 100_000, **ENDLESS}


@pytest.fixture(scope="module")
def client():
    with serving(FakeModel()) as client:
        yield client


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["/v1/completions", "/api/generate"])
def test_a_client_that_goes_away_frees_its_place(client, stream, path):
    body = {**BODY, "stream": stream, "n": 3}
    if path == "/api/generate":
        body = {"prompt": "abc", "max_new_tokens": 100_000}
    answered = len(client.log)
    connection = client.send("POST", path, json.dumps(body))
    while not client.pool.open_requests and len(client.log) == answered:
        time.sleep(0.001)  # on a busy machine it may be over before this sees it
    if stream:
        connection.getresponse().read(100)
    connection.close()
    client.wait_until_idle()


def test_fifty_clients_that_break_off_leave_nothing_behind(client):
    draw = random.Random(4)
    expected = client.model.texts(["abc"], 7, 60)[0]
    for number in range(50):
        body = {**BODY, "stream": number % 2 == 0, "logprobs": draw.choice([None, 2])}
        connection = client.send("POST", "/v1/completions", json.dumps(body))
        time.sleep(draw.random() * 0.01)
        connection.close()
    client.wait_until_idle()
    found = client.complete(prompt="abc", max_tokens=60, seed=7)
    assert found["choices"][0]["text"] == expected


def test_texts_are_the_same_from_eight_clients_at_once(client):
    wanted = [(seed, 20 + seed % 50) for seed in range(48)]
    alone = {key: client.model.texts(["abc", "d"], *key) for key in wanted}
    found, todo = {}, iter(wanted)

    def ask():
        for seed, length in todo:
            answer = client.complete(prompt=["abc", "d"], max_tokens=length, seed=seed)
            found[seed, length] = [each["text"] for each in answer["choices"]]

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == alone


def test_a_server_that_ends_tells_those_who_wait():
    with serving() as client:
        connection = client.send("POST", "/v1/completions", json.dumps({**BODY, "stream": True}))
        response = connection.getresponse()
        response.read(10)
        host, port = client.place.split(":")
        silent = socket.create_connection((host, int(port)))
        silent.sendall(b"POST /v1/completions HTTP/1.1\r\n")  # and no more than that
        begun = time.monotonic()
    silent.close()
    rest = response.read().decode()
    response.close()
    connection.close()
    assert '"code": "stopped"' in rest.split("\n\n")[-2]
    assert time.monotonic() - begun < 3


def socket_buffer(which):
    """What asks for one that is soon full."""
    return socket.SOL_SOCKET, which, 4096


def test_a_client_that_does_not_read_its_answer_does_not_hold_up_the_end():
    body = json.dumps({**BODY, "stream": True, "logprobs": 2})
    with serving() as client:
        connections = client.server.server_state.connections
        connection = client.send("POST", "/v1/completions", body)
        response = connection.getresponse()
        assert response.status == 200
        for each in tuple(connections):
            each.transport.get_extra_info("socket").setsockopt(*socket_buffer(socket.SO_SNDBUF))
        connection.sock.setsockopt(*socket_buffer(socket.SO_RCVBUF))
        while not any(each.transport.get_write_buffer_size() for each in tuple(connections)):
            time.sleep(0.01)  # until the system takes no more of the answer
        begun = time.monotonic()
    assert time.monotonic() - begun < 3
    assert not connections
    response.close()
    connection.close()
