"""Who computes what: places, processes that end, and what is computed once more."""

from __future__ import annotations

import io
import json
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

LONG = {"prompt": "abc", "max_tokens": 120, "seed": 5, **ENDLESS}


def expected(client, tokens=120):
    return client.model.texts(["abc"], 5, tokens, bias={3: -100})[0]


class Stream:
    """A stream of which the first event has come."""

    def __init__(self, client, **body):
        data = json.dumps({**LONG, "stream": True, **body})
        self._connection = client.send("POST", "/v1/completions", data)
        self._response = self._connection.getresponse()
        self._first = self._response.readline()

    def close(self):
        self._response.close()
        self._connection.close()

    def rest(self):
        """All of its events, once it has ended."""
        data = self._first + self._response.read()
        self.close()
        return [each.removeprefix("data: ") for each in data.decode().split("\n\n") if each]

    def text(self):
        *events, done = self.rest()
        assert done == "[DONE]"
        choices = [choice for each in events for choice in json.loads(each)["choices"]]
        return "".join(choice["text"] for choice in choices)


class Slow(FakeModel):
    """Takes a while for each token."""

    def __init__(self, seconds=0.001):
        super().__init__(rows=1)
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


def texts_of(client, **body):
    """The texts of an answer, whether it is whole or a stream."""
    chunks = client.chunks(**body) if body.get("stream") else [client.complete(**body)]
    texts = {}
    for choice in (choice for chunk in chunks for choice in chunk["choices"]):
        texts[choice["index"]] = texts.get(choice["index"], "") + choice["text"]
    return [texts[index] for index in sorted(texts)]


def test_clients_at_once_are_spread_evenly_and_one_of_many_texts_is_shared():
    with serving(Slow(), processes=3) as client:
        streams = [Stream(client, max_tokens=100_000) for _ in range(6)]
        assert [len(each.shares) for each in client.pool._workers] == [2, 2, 2]
        for stream in streams:
            stream.close()
        client.wait_until_idle()
        stream = Stream(client, n=3, max_tokens=100_000)
        assert [len(each.shares) for each in client.pool._workers] == [1, 1, 1]
        stream.close()
        client.wait_until_idle()


def test_a_request_that_waits_can_be_cancelled():
    with serving(Slow(), places=1) as client:
        first = Stream(client, max_tokens=100_000)
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
        streams = [Stream(client, logprobs=1) for _ in range(4)]
        client.workers[0].kill()
        texts = [stream.text() for stream in streams]
        assert texts == [expected(client)] * 4
        assert len(client.workers) == processes + 1
        client.wait_until_idle()


def test_what_ends_two_processes_is_left_off_with_an_error():
    with serving(Slow(), processes=1) as client:
        stream = Stream(client, max_tokens=100_000)
        for number in range(2):
            while len(client.workers) <= number:
                time.sleep(0.001)
            time.sleep(0.05)
            client.workers[number].kill()
        assert json.loads(stream.rest()[-1])["error"]["code"] == "process_ended"
        assert client.complete(**{**LONG, "max_tokens": 20})["choices"][0]["text"]
        client.wait_until_idle()


def test_what_needs_tensorflow_is_computed_by_the_first_process():
    class Elsewhere(FakeModel):
        """Needs TensorFlow once a text has sixteen tokens."""

        def __init__(self):
            super().__init__()
            self.runtime.breaks_after, self.runtime.breaks = 16, NeedsTensorFlow()

    with serving(others=[Elsewhere()]) as client:
        for body in ({"n": 1}, {"n": 3}, {"n": 3, "stream": True}, {"n": 1}):
            texts = client.model.texts(["abc"] * body["n"], 5, 90, bias={3: -100})
            assert texts_of(client, **{**LONG, "max_tokens": 90, **body}) == texts
        client.wait_until_idle()


def test_tensorflow_is_loaded_in_the_first_process_alone():
    loaded = []
    tensorflow_loader(lambda: loaded.append(1), Allowance(), is_first=True)()
    with pytest.raises(NeedsTensorFlow):
        tensorflow_loader(lambda: loaded.append(2), Allowance(), is_first=False)()
    assert loaded == [1]


@pytest.mark.parametrize(("path", "field"), [("completions", "sampler"), ("generate", "samplers")])
def test_clients_cannot_have_any_number_of_samplers_converted(path, field):
    class Converting(FakeModel):
        """Converts each chain that it has not met, as far as its process may."""

        def __init__(self, allowance, *, is_first):
            super().__init__()
            self.before = tensorflow_loader(lambda: None, allowance, is_first=is_first)

        def _write(self, prompts, chain, options):
            if [each.label for each in chain] not in self.chains[1:]:  # the first: to warm up
                self.before()
            return super()._write(prompts, chain, options)

    allowance = Allowance(most=3, clock=lambda: 0.0)
    models = [Converting(allowance, is_first=is_first) for is_first in (True, False)]
    where = {"completions": "/v1/completions", "generate": "/api/generate"}[path]
    with serving(models[0], others=models[1:]) as client:
        for size in (3, 4, 3):
            body = {field: [f"no-repeat-ngram:n={size}"]}
            assert client.raw("POST", where, json.dumps(body))[0] == 200
        body = {field: ["no-repeat-ngram:n=5"]}
        status, headers, data = client.raw("POST", where, json.dumps(body))
        error = json.loads(data)["error"]
        assert (status, headers["retry-after"]) == (429, "10")
        assert (error["param"], error["code"]) == (field, "too_many_programs")
        body = {field: ["no-repeat-ngram:n=4"]}
        assert client.raw("POST", where, json.dumps(body))[0] == 200


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
    sent = io.BytesIO(wire.pack({"event": wire.pack_event(event)}))
    assert wire.unpack_event(wire.read(sent)["event"]) == event


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
