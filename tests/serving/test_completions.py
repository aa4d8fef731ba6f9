"""OpenAI's completions over a real socket: shapes, orders, log-probabilities and streams."""

from __future__ import annotations

import itertools
import json
import math

import pytest
from serving.served import ENDLESS, FakeModel, ids_of, serving


@pytest.fixture(scope="module")
def client():
    with serving(FakeModel(), FakeModel("other")) as client:
        yield client


def joined(chunks):
    """The choices of a stream, put together as clients do it."""
    choices = {}
    for chunk in chunks:
        for part in chunk["choices"]:
            whole = choices.setdefault(part["index"], {"index": part["index"], "text": ""})
            assert whole.get("finish_reason") is None
            whole["text"] += part["text"]
            whole["finish_reason"] = part["finish_reason"]
            if part["logprobs"] is None:
                whole["logprobs"] = None
                continue
            kept = whole.setdefault("logprobs", {key: [] for key in part["logprobs"]})
            for key, values in part["logprobs"].items():
                kept[key] = None if values is None else kept[key] + values
    return [choices[index] for index in sorted(choices)]


def test_a_completion_has_the_shape_of_openais(client):
    found = client.complete(model="letters", prompt="abc", max_tokens=6, seed=5)
    assert list(found) == [
        *("id", "object", "created", "model", "system_fingerprint"),
        *("choices", "usage", "textgen"),
    ]
    assert (found["object"], found["model"]) == ("text_completion", "letters")
    assert found["id"].startswith("cmpl-")
    (choice,) = found["choices"]
    assert set(choice) == {"index", "text", "logprobs", "finish_reason"}
    assert choice["text"] == client.model.texts(["abc"], 5, 6)[0]
    tokens = found["usage"]["completion_tokens"]
    assert found["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": tokens,
        "total_tokens": 3 + tokens,
    }
    assert found["textgen"] == {"seed": 5, "samplers": []}


def test_sixteen_tokens_are_written_unless_more_are_asked_for(client):
    assert client.complete(prompt="a", **ENDLESS)["usage"]["completion_tokens"] == 16


def test_a_seed_that_was_drawn_is_told_and_writes_the_same_again(client):
    first, second = (client.complete(prompt="a", max_tokens=40, **ENDLESS) for _ in range(2))
    assert first["choices"] != second["choices"]
    again = client.complete(prompt="a", max_tokens=40, seed=first["textgen"]["seed"], **ENDLESS)
    assert again["choices"] == first["choices"]


@pytest.mark.parametrize("n", [1, 3])
def test_choices_come_in_the_order_of_prompts_and_row_i_is_sample_i(client, n):
    prompts = ["abc", "d", "abc"]
    found = client.complete(prompt=prompts, n=n, max_tokens=9, seed=2)
    rows = [prompt for prompt in prompts for _ in range(n)]
    assert [each["index"] for each in found["choices"]] == list(range(3 * n))
    assert [each["text"] for each in found["choices"]] == client.model.texts(rows, 2, 9)
    assert found["usage"]["prompt_tokens"] == 7


@pytest.mark.parametrize(
    "prompt", [ids_of("abc"), [ids_of("abc")], [[2, *ids_of("abc")]], ["abc"], "abc"]
)
def test_a_prompt_may_be_text_or_token_ids(client, prompt):
    found = client.complete(prompt=prompt, max_tokens=9, seed=2)
    assert [each["text"] for each in found["choices"]] == client.model.texts(["abc"], 2, 9)


def test_no_prompt_is_the_start_of_a_text(client):
    found = client.complete(max_tokens=9, seed=2)
    assert found["choices"][0]["text"] == client.model.texts([""], 2, 9)[0]


def test_what_the_tokenizer_does_not_know_of_a_prompt_is_told(client):
    found = client.complete(prompt="aéb", max_tokens=1, seed=2)
    (note,) = found["textgen"]["notes"]
    assert note == "The tokenizer has never seen these of the prompt: é"


def test_the_model_that_is_named_answers(client):
    found = client.complete(model="other", prompt="a", seed=1)
    assert found["model"] == "other"
    status, found = client.post("/v1/completions", {"model": "gpt-4", "prompt": "a"})
    assert (status, found["error"]["param"]) == (404, "model")
    assert found["error"]["message"] == "model cannot be 'gpt-4'. Allowed: letters, other."


def test_a_finish_is_stop_at_a_stop_string_and_at_the_end_of_a_text(client):
    always_c = {"6": 100}
    found = client.complete(prompt="a", max_tokens=9, logit_bias=always_c, stop=["cc"], logprobs=0)
    (choice,) = found["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("", "stop")
    assert choice["logprobs"]["tokens"] == []
    assert found["usage"]["completion_tokens"] == 0
    (choice,) = client.complete(prompt="a", max_tokens=9, logit_bias={"3": 100})["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("", "stop")
    (choice,) = client.complete(prompt="a", max_tokens=3, logit_bias=always_c)["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("ccc", "length")


def test_echo_scores_the_prompt_whose_first_token_has_no_probability(client):
    found = client.complete(prompt="abca", max_tokens=0, echo=True, logprobs=3)
    (choice,) = found["choices"]
    assert (choice["text"], choice["finish_reason"]) == ("abca", "length")
    scored = choice["logprobs"]
    assert scored["tokens"] == ["a", "b", "c", "a"]
    assert scored["token_ids"] == ids_of("abca")
    assert scored["text_offset"] == [0, 1, 2, 3]
    assert (scored["token_logprobs"][0], scored["top_logprobs"][0]) == (None, None)
    ids, table = [2, *ids_of("abca")], client.model.runtime.table.astype(float)
    for place in range(1, 4):
        logits = table[sum(ids[: place + 1]) % len(table)]
        expected = logits - math.log(sum(math.exp(each) for each in logits))
        value = scored["token_logprobs"][place]
        assert value == pytest.approx(expected[ids[place + 1]], abs=1e-6)
        top = scored["top_logprobs"][place]
        assert top[scored["tokens"][place]] == value
        best = sorted(expected, reverse=True)[:3]
        assert sorted(top.values(), reverse=True)[:3] == pytest.approx(best, abs=1e-6)
        assert len(top) in (3, 4)
    assert found["usage"] == {"prompt_tokens": 4, "completion_tokens": 0, "total_tokens": 4}


def test_a_greedy_token_has_the_very_number_of_the_likeliest_one(client):
    found = client.complete(
        prompt="abca", max_tokens=30, echo=True, logprobs=1, temperature=0, **ENDLESS
    )
    logprobs = found["choices"][0]["logprobs"]
    pairs = list(zip(logprobs["token_logprobs"], logprobs["top_logprobs"], strict=True))[4:]
    is_greedy = [value == max(top.values()) for value, top in pairs]
    likely = [len(top) == 1 for _, top in pairs]
    assert is_greedy == likely


def test_logprobs_of_0_are_those_of_the_tokens_alone(client):
    logprobs = client.complete(prompt="ab", max_tokens=4, logprobs=0, seed=1)["choices"][0][
        "logprobs"
    ]
    assert logprobs["top_logprobs"] is None
    assert len(logprobs["token_logprobs"]) == len(logprobs["tokens"]) > 0
    assert logprobs["text_offset"][0] == 2  # counted from the start of the prompt


COMBINATIONS = [
    {"echo": echo, "logprobs": logprobs, "n": n, "stop": stop}
    for echo, logprobs, n, stop in itertools.product(
        [False, True], [None, 0, 2], [1, 2], [None, ["e", "ab"]]
    )
]


@pytest.mark.parametrize("max_tokens", [0, 12])
def test_a_stream_brings_what_a_whole_answer_has(client, max_tokens):
    for options in COMBINATIONS:
        body = {"prompt": ["abc", "de"], "max_tokens": max_tokens, "seed": 4, **options}
        whole = client.complete(**body)
        chunks = client.chunks(**body, stream_options={"include_usage": True})
        assert joined(chunks[:-1]) == whole["choices"], options
        assert all(chunk["usage"] is None for chunk in chunks[:-1])
        assert chunks[-1]["choices"] == []
        assert chunks[-1]["usage"] == whole["usage"]
        assert {chunk["id"] for chunk in chunks} == {chunks[0]["id"]}
        assert chunks[0]["textgen"] == whole["textgen"]


def test_tokens_joined_are_the_text_and_offsets_count_its_characters(client):
    for options in COMBINATIONS:
        if options["logprobs"] is None:
            continue
        body = {"prompt": "abc", "max_tokens": 12, "seed": 4, **options}
        for choice in client.complete(**body)["choices"]:
            logprobs = choice["logprobs"]
            assert "".join(logprobs["tokens"]) == choice["text"]
            offset = 0 if options["echo"] else 3
            for token, place in zip(logprobs["tokens"], logprobs["text_offset"], strict=True):
                assert place == offset
                offset += len(token)


def test_fields_of_sampling_make_a_chain_and_none_leaves_the_runs_own(client):
    chains = {
        json.dumps(body): client.complete(prompt="a", max_tokens=1, **body)["textgen"]["samplers"]
        for body in (
            {},
            {"temperature": None, "top_p": None, "frequency_penalty": 0, "logit_bias": {}},
            {"temperature": 0},
            {"temperature": 1},
            {"temperature": 0.5, "top_p": 0.9, "top_k": 7, "min_p": 0.1},
            {"frequency_penalty": 1.5, "presence_penalty": -0.5, "temperature": 0},
            {"frequency_penalty": 0.5},
            {"sampler": ["typical:0.8", "top-k:3"]},
            {"sampler": "greedy"},
            {"sampler": []},
        )
    }
    assert list(chains.values()) == [
        [],
        [],
        ["greedy"],
        [],
        ["temperature:t=0.5", "top-k:k=7", "nucleus", "min-p:p=0.1"],
        ["occurrence-penalty:frequency=1.5,presence=-0.5", "greedy"],
        ["occurrence-penalty"],
        ["typical:p=0.8", "top-k:k=3"],
        ["greedy"],
        [],
    ]


FAULTS = [
    ({"max_tokens": -1}, "max_tokens", "a whole number, at least 0, at most 100000"),
    ({"max_tokens": "5"}, "max_tokens", "a whole number"),
    ({"max_tokens": 1.5}, "max_tokens", "a whole number"),
    ({"max_tokens": 100_001}, "max_tokens", "at most 100000"),
    ({"n": 0}, "n", "at least 1, at most 16"),
    ({"n": 17}, "n", "at least 1, at most 16"),
    ({"n": True}, "n", "a whole number"),
    ({"n": 16, "prompt": ["a"] * 9}, "n", "at most 128 texts, 9 prompts times n"),
    ({"n": 16, "prompt": "a" * 70_000}, "prompt", "Allowed: 1,000,000"),
    (
        {"max_tokens": 0, "logprobs": 20, "echo": True, "prompt": "a" * 30_000},
        "logprobs",
        "500,000",
    ),
    ({"max_tokens": 100_000, "logprobs": 5}, "logprobs", "100,000 tokens with 5 likely ones"),
    ({"best_of": 2}, "best_of", "1, as many as n"),
    ({"logprobs": 21}, "logprobs", "at least 0, at most 20"),
    ({"temperature": -0.1}, "temperature", "a number or none, at least 0, at most 100"),
    ({"temperature": "hot"}, "temperature", "a number or none"),
    ({"top_p": 0}, "top_p", "above 0, at most 1"),
    ({"top_k": 0}, "top_k", "at least 1"),
    ({"frequency_penalty": 2.1}, "frequency_penalty", "a number, at least -2, at most 2"),
    ({"presence_penalty": [1]}, "presence_penalty", "a number"),
    ({"seed": 1.5}, "seed", "a whole number"),
    ({"seed": 2**63}, "seed", "a whole number"),
    ({"echo": 1}, "echo", "true or false"),
    ({"stream": "yes"}, "stream", "true or false"),
    ({"suffix": "end"}, "suffix", "this model continues a text"),
    ({"user": 3}, "user", "text"),
    ({"prompt": 3}, "prompt", "a list of token ids"),
    ({"prompt": []}, "prompt", "a text, a list of texts"),
    ({"prompt": ["a", 4]}, "prompt", "a list of such lists"),
    ({"prompt": [True]}, "prompt", "a list of token ids"),
    ({"prompt": [[4, "a"]]}, "prompt", "a list of such lists"),
    ({"prompt": ["a"] * 65}, "prompt", "at most 64 prompts"),
    ({"prompt": [0]}, "prompt", "whole numbers from 1 to 29, the vocabulary"),
    ({"prompt": [30], "stream": True}, "prompt", "whole numbers from 1 to 29, the vocabulary"),
    ({"stop": ["a"] * 5}, "stop", "at most 4"),
    ({"stop": ""}, "stop", "1 to 64 characters"),
    ({"stop": ["a" * 65]}, "stop", "1 to 64 characters"),
    ({"stop": {}}, "stop", "a text, or a list"),
    ({"logit_bias": {"4": 101}}, "logit_bias", "from -100 to 100"),
    ({"logit_bias": {"30": 1}}, "logit_bias", "token ids from 1 to 29"),
    ({"logit_bias": {"-4": 1}}, "logit_bias", "token ids from 1 to 29"),
    ({"logit_bias": {"four": 1}}, "logit_bias", "token ids from 1 to 29"),
    ({"logit_bias": {"4": None}}, "logit_bias", "each with a number"),
    ({"logit_bias": [4]}, "logit_bias", "at most 300"),
    ({"stream_options": {"include_usage": True}}, "stream_options", "with stream: true"),
    (
        {"stream": True, "stream_options": {"include_obfuscation": True}},
        "stream_options.include_obfuscation",
        "false",
    ),
    ({"stream": True, "stream_options": {"usage": 1}}, "stream_options.usage", "include_usage"),
    ({"sampler": ["nucleus:p=1.5"]}, "sampler", "a number, above 0, at most 1"),
    ({"sampler": "nucleus:q=1"}, "sampler", "Allowed: p."),
    ({"sampler": ["nukleus"]}, "sampler", "Did you mean 'nucleus'?"),
    ({"sampler": {"name": "greedy"}}, "sampler", "a list of specs"),
    ({"sampler": "greedy", "top_p": 0.5}, "sampler", "sampler and top_p do not go together"),
    ({"temprature": 1}, "temprature", "Did you mean 'temperature'?"),
    ({"messages": []}, "messages", "Unknown field: 'messages'"),
]


@pytest.mark.parametrize(("body", "param", "words"), FAULTS, ids=[str(f[0])[:40] for f in FAULTS])
def test_a_wrong_field_is_named_with_what_is_allowed(client, body, param, words):
    status, found = client.post("/v1/completions", {"prompt": "a", **body})
    error = found["error"]
    assert (status, error["param"], error["type"]) == (400, param, "invalid_request_error")
    assert words in error["message"]
    assert "\n" not in error["message"]
