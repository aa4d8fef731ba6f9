"""The engine of an exported page, called in node; its tests are left out where that is missing."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from textgen_core.export.engine_source import engine_files
from textgen_core.export.operations import read_operations
from textgen_core.export.weights import Block

NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed")

_START = """
const given = JSON.parse(require("fs").readFileSync(0, "utf8"), (_, value) =>
  value === "-inf" ? -Infinity : value);
const show = (found) => process.stdout.write(JSON.stringify(found, (_, value) =>
  ArrayBuffer.isView(value) ? Array.from(value) : value === -Infinity ? "-inf" : value));
const block = (text) => new Uint8Array(Buffer.from(text, "base64"));
"""


def in_node(script, given=None, timeout=600):
    """Return what a script shows of `given`, in which all of the engine's names are known."""
    source = "\n".join(each.read_text(encoding="utf-8") for each in engine_files())
    text = f"{source}\n{_START}\n(async () => {{ {script} }})();"
    finished = subprocess.run(
        [NODE, "--input-type=commonjs", "-e", text],
        input=json.dumps(given, default=_plain),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr[-2000:]
    return json.loads(finished.stdout)


def logits_of(rows):
    """Logits as JSON can hold them."""
    return [["-inf" if each == -np.inf else float(each) for each in row] for row in rows]


def read_logits(rows):
    return np.array([[-np.inf if each == "-inf" else each for each in row] for row in rows])


def as_given(*programs, precision="float32"):
    """Programs as JSON, with their constants."""
    block = Block(precision)
    described = [read_operations(each, "It", block.keep) for each in programs]
    content = base64.b64encode(block.to_bytes()).decode()
    return {"programs": described, "constants": block.described, "block": content}


def backend_of(page):
    """The engine of a page that was written: its information, and the block of its model."""
    html = page.read_text(encoding="utf-8")
    found = re.search(r'id="textgen-info">([^<]*)<', html)[1]
    return json.loads(found), re.search(r'id="textgen-model">([^<]*)<', html)[1]


def written_by(page, requests):
    """What a page writes for some requests, each with the tokens as they came."""
    _, model = backend_of(page)
    script = """
    const calls = new Map();
    const post = startEngine((message) => {
      const call = calls.get(message.number);
      if (message.tokens) call.tokens.push(...message.tokens);
      else call.end({ tokens: call.tokens, ...message.result, error: message.error });
    });
    const ask = (number, message) => new Promise((end) => {
      calls.set(number, { end, tokens: [] });
      post({ ...message, number });
    });
    const found = [];
    const opened = await ask(0, { method: "open", data: given.model });
    if (opened.error) throw new Error(opened.error);
    for (const request of given.requests) {
      const method = request.text === undefined ? "generate" : "tokenize";
      found.push(await ask(found.length + 1, { method, request, text: request.text }));
    }
    show(found);
    process.exit(0);
    """
    return in_node(script, {"model": model, "requests": requests})


def _plain(value):
    return value.tolist()
