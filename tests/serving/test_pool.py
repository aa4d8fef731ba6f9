"""Who computes what: places, processes that end, and what is computed once more."""

from __future__ import annotations

import json
import threading
import time

import attrs
import pytest
from serving.served import ENDLESS, FakeModel, serving

from textgen_core.generation.tokens import TokenChoice, WrittenToken
from textgen_core.serving import wire
from textgen_core.serving.allowance import Allowance, TooMuchToMake
from textgen_core.serving.failures import failure_of
from textgen_core.serving.parts import Opened, PromptText, Scored, Written
from textgen_core.serving.replay import Replay
from textgen_core.serving.worker import NeedsTensorFlow, tensorflow_loader

LONG = {"prompt": "abc", "max_tokens": 2000, "seed": 5, **ENDLESS}


def expected(client, tokens=2000):
    return client.model.texts(["abc"], 5, tokens, bias={3: -100})[0]


def opened_stream(client, **body):
    """A stream that has begun: its connection, its response and what it has brought."""
    data = json.dumps({**LONG, "stream": True, **body})
    connection = client.send("POST", "/v1/completions", data)
    response = connection.getresponse()
    return connection, response, response.readline()


def text_of(first, rest):
    events = [each for each in (first + rest).decode().split("\n\n") if each]
    assert events.pop() == "data: [DONE]"
    chunks = [json.loads(each.removeprefix("data: ")) for each in events]
    return "".join(choice["text"] for chunk in chunks for choice in chunk["choices"])


class Slow(FakeModel):
    """Takes a while for each token. broken: workers whose requests need TensorFlow."""

    def __init__(self, seconds=0.001):
        super().__init__()
        steps = self.runtime._steps

        def slow_steps(*given, **named):
            made = steps(*given, **named)
            advance = made.advance

            def advance_slowly(token_ids):
                time.sleep(seconds)
                return advance(token_ids)

            made.advance = advance_slowly
            return made

        self.runtime._steps = slow_steps


def test_clients_at_once_are_spread_evenly_and_one_of_many_texts_is_shared():
    with serving(Slow(), processes=3) as client:
        streams = [opened_stream(client) for _ in range(6)]
        assert [len(each.shares) for each in client.pool._workers] == [2, 2, 2]
        for connection, *_ in streams:
            connection.close()
        client.wait_until_idle()
        connection, *_ = opened_stream(client, n=3)
        assert [len(each.shares) for each in client.pool._workers] == [1, 1, 1]
        connection.close()
        client.wait_until_idle()


def test_a_request_that_waits_can_be_cancelled():
    with serving(Slow(), places=1) as client:
        first, *_ = opened_stream(client)
        second = client.send("POST", "/v1/completions", json.dumps(LONG))
        while client.pool.open_requests < 2:
            time.sleep(0.001)
        second.close()
        while client.pool.open_requests == 2:
            time.sleep(0.001)
        assert len(client.pool._taken) == 1
        first.close()
        client.wait_until_idle()


@pytest.mark.parametrize("processes", [1, 2])
def test_the_texts_of_a_process_that_ended_are_computed_once_more(processes):
    with serving(Slow(), processes=processes) as client:
        streams = [opened_stream(client, logprobs=1) for _ in range(4)]
        client.workers[0].kill()
        texts = [text_of(first, response.read()) for _, response, first in streams]
        for connection, *_ in streams:
            connection.close()
        assert texts == [expected(client)] * 4
        assert len(client.workers) == processes + 1
        client.wait_until_idle()


def test_what_ends_two_processes_is_left_off_with_an_error():
    with serving(Slow(), processes=1) as client:
        connection, response, _ = opened_stream(client, max_tokens=100_000)
        for number in range(2):
            while len(client.workers) <= number:
                time.sleep(0.001)
            time.sleep(0.05)
            client.workers[number].kill()
        error = json.loads(response.read().decode().split("\n\n")[-2].removeprefix("data: "))
        connection.close()
        assert error["error"]["code"] == "process_ended"
        assert client.complete(**{**LONG, "max_tokens": 20})["choices"][0]["text"]
        client.wait_until_idle()


def test_what_needs_tensorflow_is_computed_by_the_first_process():
    class Elsewhere(Slow):
        """Needs TensorFlow after some tokens, in every process but the first."""

        def __init__(self):
            super().__init__()
            self.first = None
            transform = self.runtime.stages

            def stages(*given, **named):
                self.first = self.first or threading.current_thread()
                if threading.current_thread() is not self.first:
                    raise NeedsTensorFlow
                return transform(*given, **named)

            self.runtime.stages = stages

    with serving(Elsewhere(), processes=2) as client:
        client.complete(prompt="a", max_tokens=1)
        body = {**LONG, "max_tokens": 30, "n": 3}
        for _ in range(3):
            found = client.complete(**body)
            texts = [each["text"] for each in found["choices"]]
            assert texts == client.model.texts(["abc"] * 3, 5, 30, bias={3: -100})
        client.wait_until_idle()


def test_tensorflow_is_loaded_in_the_first_process_alone():
    loaded = []
    tensorflow_loader(lambda: loaded.append(1), is_first=True)()
    with pytest.raises(NeedsTensorFlow):
        tensorflow_loader(lambda: loaded.append(2), is_first=False)()
    assert loaded == [1]


def test_what_clients_can_have_made_has_a_bound():
    now = [0.0]
    allowance = Allowance(most=3, seconds=10.0, clock=lambda: now[0])
    for _ in range(3):
        allowance.take()
    with pytest.raises(TooMuchToMake) as caught:
        allowance.take()
    failure = failure_of(caught.value, samplers="samplers")
    assert (failure.status, failure.param) == (429, "samplers")
    assert failure.headers == {"retry-after": "10"}
    now[0] += 10
    allowance.take()
    with pytest.raises(TooMuchToMake):
        allowance.take()
    now[0] += 10_000
    for _ in range(3):
        allowance.take()


# ---- what processes tell each other -------------------------------------------------------------

TOKEN = WrittenToken(
    token_id=5,
    text="\ud800b",
    log_probability=-0.1 - 0.2,
    alternatives=(
        TokenChoice(token_id=4, text="a", log_probability=float("-inf"), kept=(True, False)),
    ),
)


@pytest.mark.parametrize(
    "event",
    [
        Opened(prompts=(PromptText(text="äb", token_ids=(4, 5), texts=("ä", "b")),), notes=("n",)),
        Scored(prompt=2, tokens=(TOKEN, TOKEN)),
        Written(row=3, text="", tokens=(), prompt_token_ids=(), finish_reason="stop", new_tokens=9),
        Written(row=0, text="b\n", tokens=(TOKEN,)),
    ],
)
def test_an_event_arrives_as_it_was(event):
    assert (
        wire.unpack_event(json.loads(wire.pack({"event": wire.pack_event(event)})[4:])["event"])
        == event
    )


def test_what_is_computed_again_in_other_pieces_repeats_nothing():
    text = "abcdefgh"
    tokens = [attrs.evolve(TOKEN, token_id=number) for number in range(8)]

    def pieces(*ends):
        starts = (0, *ends)
        for start, end in zip(starts, ends, strict=False):
            yield Written(
                row=0,
                text=text[start:end],
                tokens=tuple(tokens[start:end]),
                prompt_token_ids=None if start else (1,),
                finish_reason="length" if end == 8 else None,
            )

    replay, said = Replay(), []
    for ends in ((3, 5), (1, 4), (2, 6, 7), (8,), (4, 8)):
        said += [new for each in pieces(*ends) if (new := replay.new_of(each)) is not None]
        replay.begin_again()
    assert "".join(each.text for each in said) == text
    assert [token for each in said for token in each.tokens] == tokens
    assert [each.prompt_token_ids for each in said] == [(1,), None, None, None, None]
    assert [each.finish_reason for each in said] == [None] * 4 + ["length"]
