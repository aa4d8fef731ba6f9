"""Who may call, what is no request, and the interface of the page, over a real socket."""

from __future__ import annotations

import json
import socket

import pytest
from serving.served import ENDLESS, FakeModel, ids_of, serving

from textgen_core.errors import PluginFailure, UsageError
from textgen_core.serving.access import Access
from textgen_core.serving.app import LARGEST_BODY


@pytest.fixture(scope="module")
def client():
    with serving() as client:
        yield client


def test_models_are_listed_and_shown(client):
    card = {"id": "letters", "object": "model", "created": 1_700_000_000, "owned_by": "textgen"}
    assert client.get("/v1/models") == (200, {"object": "list", "data": [card]})
    assert client.get("/v1/models/letters") == (200, card)
    status, found = client.get("/v1/models/else/where")
    assert (status, found["error"]["code"]) == (404, "model_not_found")


def test_chat_is_told_to_continue_a_text(client):
    status, found = client.post("/v1/chat/completions", {"messages": []})
    assert status == 404
    assert "This model continues a text" in found["error"]["message"]
    assert "/v1/completions" in found["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/v1/completions", 405), ("PUT", "/health", 405)],
)
def test_what_there_is_not_is_a_fault_of_openais_shape(client, method, path, status):
    found, headers, data = client.raw(method, path)
    assert found == status
    assert set(json.loads(data)["error"]) == {"message", "type", "param", "code"}
    assert headers["x-should-retry"] == "false"


def test_texts_become_token_ids_and_back(client):
    status, found = client.post("/tokenize", {"prompt": "abc"})
    assert (status, found) == (200, {"count": 3, "max_model_len": 16, "tokens": ids_of("abc")})
    assert client.post("/detokenize", {"tokens": ids_of("cab")}) == (200, {"prompt": "cab"})
    tokens = [{"id": 4, "text": "a"}, {"id": 5, "text": "b"}]
    assert client.post("/api/tokenize", {"text": "ab"}) == (200, {"tokens": tokens})
    for path, body, param in (
        ("/tokenize", {"prompt": 3}, "prompt"),
        ("/tokenize", {"prompt": "a", "text": "b"}, "text"),
        ("/detokenize", {"tokens": [400]}, "tokens"),
        ("/detokenize", {"tokens": "abc"}, "tokens"),
        ("/api/tokenize", {}, "text"),
    ):
        status, found = client.post(path, body)
        assert (status, found["error"]["param"]) == (400, param)


def test_the_page_is_told_of_the_model(client):
    status, found = client.get("/api/run?model=letters")
    assert status == 200
    assert found["models"] == ["letters"]
    assert (found["model"], found["architecture"], found["max_tokens"]) == (
        "letters",
        "table",
        100_000,
    )


def test_the_page_is_sent_tokens_with_what_else_could_have_come(client):
    body = {"prompt": "abc", "max_new_tokens": 9, "seed": 3, "alternatives": 2}
    *lines, last = client.lines(**body)
    tokens = [token for line in lines for token in line["tokens"]]
    done = last["done"]
    assert done["text"] == client.model.texts(["abc"], 3, 9)[0]
    assert [token["id"] for token in tokens] == done["token_ids"]
    assert [token["log_probability"] for token in tokens] == done["log_probabilities"]
    assert "".join(token["text"] for token in tokens) == done["text"]
    assert all(len(token["alternatives"]) == 2 for token in tokens)
    assert set(tokens[0]["alternatives"][0]) == {"id", "text", "log_probability", "kept"}
    assert (done["seed"], done["samplers"]) == (3, [])
    assert done["finish_reason"] in ("stop", "length")
    assert lines[0]["prompt_ids"] == ids_of("abc")
    assert not any("prompt_ids" in line for line in lines[1:])
    again = client.lines(**{**body, "prompt": None, "prompt_ids": ids_of("abc")})
    assert again[-1]["done"]["text"] == done["text"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": "a", "prompt_ids": [4]}, "prompt_ids"),
        ({"prompt": ["a"]}, "prompt"),
        ({"prompt_ids": "a"}, "prompt_ids"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
        ({"alternatives": 21}, "alternatives"),
        ({"samplers": ["nothing"]}, "samplers"),
        ({"prompt_ids": [99]}, "prompt"),
        ({"n": 2}, "n"),
    ],
)
def test_a_wrong_field_of_the_page_is_named(client, body, param):
    status, found = client.post("/api/generate", body)
    assert (status, found["error"]["param"]) == (400, param)


def test_the_page_itself_is_served_with_its_files(client):
    status, headers, data = client.raw("GET", "/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "script-src 'self'" in headers["content-security-policy"]
    assert b"/page/page.js" in data
    status, headers, data = client.raw("GET", "/page/page.js")
    assert (status, headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert client.raw("GET", "/page/../app.py")[0] == 404
    assert client.raw("GET", "/page/page.html")[0] == 404


def test_without_the_page_there_is_the_api_alone():
    with serving(has_page=False) as client:
        assert client.raw("GET", "/")[0] == 404
        assert client.get("/health")[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"{", b"[]", b'"text"', b"\xff", b'{"prompt": NaN}', b'{"n": 1, "n": 2}'),
        *(b'{"seed": ' + b"9" * 5000 + b"}", b"[" * 5000, b'{"prompt": ' + b"[" * 300_000),
    ],
)
def test_what_is_no_json_object_is_refused(client, data):
    status, _, found = client.raw("POST", "/v1/completions", data)
    assert (status, json.loads(found)["error"]["param"]) == (400, None)


def test_a_body_beyond_the_limit_is_refused(client):
    data = json.dumps({"prompt": "a" * LARGEST_BODY}).encode()
    status, _, found = client.raw("POST", "/v1/completions", data)
    assert (status, json.loads(found)["error"]["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-www-form-urlencoded"])
def test_a_form_cannot_make_the_server_write(client, content_type):
    headers = {"Content-Type": content_type}
    data = b'{"prompt": "a"}'
    status, _, found = client.raw("POST", "/v1/completions", data, headers)
    assert (status, json.loads(found)["error"]["code"]) == (415, "wrong_content_type")
    sent = {"Content-Type": "application/json; charset=utf-8"}
    assert client.raw("POST", "/v1/completions", data, sent)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "10.0.0.1", ""])
def test_a_foreign_host_is_refused(client, host):
    for method, path in (("GET", "/"), ("GET", "/v1/models"), ("POST", "/v1/completions")):
        status, _, found = client.raw(method, path, headers={"Host": host})
        assert (status, json.loads(found)["error"]["code"]) == (403, "wrong_host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000"])
def test_the_names_of_this_machine_are_its_own(client, host):
    assert client.get("/health", Host=host)[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_a_page_of_another_origin_is_answered_nothing(client, origin):
    for method, path in (("GET", "/v1/models"), ("OPTIONS", "/v1/completions")):
        status, headers, data = client.raw(method, path, headers={"Origin": origin})
        assert (status, json.loads(data)["error"]["code"]) == (403, "wrong_origin")
        assert "access-control-allow-origin" not in headers
    assert client.post("/v1/completions", {"prompt": "a"}, Origin=origin)[0] == 403
    own = client.raw("GET", "/health", headers={"Origin": client.address})
    assert own[0] == 200
    assert "access-control-allow-origin" not in own[1]


def test_a_page_that_was_named_may_read_answers():
    origin = "https://pages.example"
    with serving(access=Access(origins=(origin,), hosts=("model.lan",))) as client:
        headers = {"Origin": origin, "Host": "model.lan:8000"}
        status, found, _ = client.raw("GET", "/v1/models", headers=headers)
        assert (status, found["access-control-allow-origin"]) == (200, origin)
        asked = {**headers, "Access-Control-Request-Method": "POST"}
        status, found, _ = client.raw("OPTIONS", "/v1/completions", headers=asked)
        assert status == 204
        assert "content-type" in found["access-control-allow-headers"]
        status, found, _ = client.raw("POST", "/v1/completions", b"{}", headers)
        assert (status, found["access-control-allow-origin"]) == (200, origin)


def test_a_key_is_asked_for_where_there_is_one():
    with serving(access=Access(key="sesame")) as client:
        for headers in ({}, {"Authorization": "Bearer open"}, {"Authorization": "Basic sesame"}):
            status, found = client.post("/v1/completions", {"prompt": "a"}, **headers)
            assert (status, found["error"]["type"]) == (401, "authentication_error")
        right = {"Authorization": "Bearer sesame"}
        assert client.post("/v1/completions", {"prompt": "a"}, **right)[0] == 200
        assert client.get("/health")[0] == 200  # the page, which asks for the key, and this
        assert client.raw("GET", "/")[0] == 200
        assert client.get("/api/run")[0] == 401


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com"])
def test_others_are_let_in_with_a_key_alone(host):
    with pytest.raises(UsageError, match=r"--host .* lets whoever reaches this machine"):
        Access(host=host)
    assert Access(host=host, key="sesame").key


def test_the_log_has_no_text_in_it(client):
    before = len(client.log)
    client.complete(prompt="abcabc", max_tokens=3, seed=1, **ENDLESS)
    client.wait_for_log(before + 1)  # which is written after the answer
    served = client.log[-1]
    assert (served.method, served.path, served.status) == ("POST", "/v1/completions", 200)
    assert served.tokens == 3
    assert served.seconds > 0
    assert "abcabc" not in str(served)


def test_a_full_queue_is_told_with_when_to_come_again():
    with serving(queue=0, places=1) as client:
        body = {"prompt": "a", "max_tokens": 100_000, "stream": True, **ENDLESS}
        open_one = client.send("POST", "/v1/completions", json.dumps(body))
        open_one.getresponse().read(1)
        status, headers, data = client.raw("POST", "/v1/completions", b"{}")
        assert (status, headers["retry-after"]) == (429, "1")
        assert "x-should-retry" not in headers
        assert json.loads(data)["error"]["code"] == "queue_full"
        open_one.close()
        client.wait_until_idle()
        assert client.post("/v1/completions", {})[0] == 200


@pytest.mark.parametrize("error", [ValueError("broken"), PluginFailure("The model broke.")])
def test_an_error_answers_its_request_and_the_server_goes_on(error):
    with serving(FakeModel(breaks=error)) as client:
        status, headers, data = client.raw("POST", "/v1/completions", b'{"prompt": "z"}')
        assert (status, headers["x-should-retry"]) == (500, "false")
        assert str(error) in json.loads(data)["error"]["message"]
        body = {"prompt": "a", "stream": True, "logit_bias": {"29": 100}, "seed": 1}
        _, _, data = client.raw("POST", "/v1/completions", json.dumps(body).encode())
        *_, last, rest = data.decode().split("\n\n")
        assert str(error) in json.loads(last.removeprefix("data: "))["error"]["message"]
        assert rest == ""
        client.wait_until_idle()
        assert client.complete(prompt="a", seed=1, logit_bias={"29": -100})["choices"]


def test_a_client_that_says_nothing_holds_nobody_up(client):
    host, port = client.place.split(":")
    with socket.create_connection((host, int(port))) as silent:
        silent.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\n")
        assert client.complete(prompt="a", seed=1)["choices"]
