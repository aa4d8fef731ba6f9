"""Whatever a body holds, it is answered, and never with a fault of the server's own."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving.served import FakeModel, serving

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
TEXT = st.text("abcz ñ\u0301\ud800\U0001f600", max_size=12)
TOKENS = st.lists(st.integers(-1, 31), max_size=6)
SPECS = st.sampled_from(
    ["greedy", "nucleus:0.9", "top-k:0", "min-p:p=0.1", "typical", "nothing", ":"]
)
SENSIBLE = {
    "model": st.sampled_from(["letters", "gpt-4"]),
    "prompt": TEXT | st.lists(TEXT, max_size=3) | TOKENS | st.lists(TOKENS, max_size=3),
    "max_tokens": st.integers(0, 12),
    "n": st.integers(1, 4),
    "best_of": st.integers(1, 4),
    "echo": st.booleans(),
    "logprobs": st.integers(0, 6),
    "stop": TEXT | st.lists(st.text("abc", max_size=3), max_size=5),
    "seed": st.integers(-(2**64), 2**64),
    "temperature": st.floats(0, 3),
    "top_p": st.floats(0, 1),
    "top_k": st.integers(0, 40),
    "min_p": st.floats(0, 1),
    "frequency_penalty": st.floats(-3, 3),
    "presence_penalty": st.floats(-3, 3),
    "logit_bias": st.dictionaries(st.integers(0, 31).map(str), st.floats(-101, 101), max_size=3),
    "stream": st.booleans(),
    "stream_options": st.fixed_dictionaries({}, optional={"include_usage": st.booleans()}),
    "sampler": SPECS | st.lists(SPECS, max_size=3),
    "user": st.text(max_size=3),
}
OF_PAGE = {
    **{name: SENSIBLE[name] for name in ("model", "seed", "stop")},
    "prompt": TEXT,
    "prompt_ids": TOKENS,
    "max_new_tokens": st.integers(0, 12),
    "samplers": st.lists(SPECS, max_size=3),
    "alternatives": st.integers(0, 21),
}
OF_TOKENS = {"model": SENSIBLE["model"], "prompt": TEXT, "text": TEXT, "tokens": TOKENS}
PATHS = {
    "/v1/completions": SENSIBLE,
    "/api/generate": OF_PAGE,
    "/tokenize": OF_TOKENS,
    "/detokenize": OF_TOKENS,
    "/api/tokenize": OF_TOKENS,
}


def bodies(fields):
    """Objects of sensible values, with at most a few that are none."""
    sensible = st.fixed_dictionaries({}, optional=fields)
    odd = st.dictionaries(st.sampled_from([*fields, "unknown"]), JSON, max_size=1)
    return st.builds(lambda body, wrong: {**body, **wrong}, sensible, odd) | JSON


@pytest.fixture(scope="module")
def client():
    with serving(FakeModel()) as client:
        yield client


@pytest.mark.parametrize("path", PATHS)
def test_any_body_is_answered(client, path):
    @settings(max_examples=40 if path == "/v1/completions" else 20)
    @given(body=bodies(PATHS[path]))
    def ask(body):
        status, headers, data = client.raw("POST", path, json.dumps(body).encode())
        if status == 200:
            is_stream = not headers["content-type"].startswith("application/json")
            assert b'"error"' not in data if is_stream else isinstance(json.loads(data), dict)
            return
        assert status in (400, 404), data
        error = json.loads(data)["error"]
        assert error["message"]
        assert isinstance(error["param"], str) or not isinstance(body, dict)

    ask()
    client.wait_until_idle()
