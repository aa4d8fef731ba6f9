"""What a page's engine can tokenize: the parts of a tokenizer.json, and of regular expressions.

Patterns are Oniguruma's in the file and JavaScript's in the page. Those constructs pass that mean
the same in both, or that the engine translates; no other is guessed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import tokenizers

from textgen_core.errors import UsageError
from textgen_core.runs.parsing import parse_json

_LISTS = ("normalizers", "pretokenizers", "decoders")
_KNOWN = {
    "normalizer": {"Replace"},
    "pre_tokenizer": {"Split", "ByteLevel"},
    "decoder": {"Fuse", "Replace", "ByteLevel"},
}
_OPTIONS = (
    *("dropout", "continuing_subword_prefix", "end_of_word_suffix"),
    *("fuse_unk", "byte_fallback", "ignore_merges"),
)
_SPLITS = ("Isolated", "Removed")
_PATTERN = re.compile(
    r"""(?:
      \\[sSA]                            # whitespace, the start of a text: translated
    | \\[pP]\{[A-Z][a-z]?\}              # a category
    | \\[nrt\\.*+?()\[\]{}|/^$]          # a character
    | \((?:\?(?:[:=!]|<[=!])|(?!\?))      # a group, a look around
    | \) | \| | [*+?]\?? | \{\d+(?:,\d*)?\}
    | \[\^? (?: \\[sS] | \\[pP]\{[A-Z][a-z]?\} | \\[nrt\\\[\]^-] | [^\\\[\]&] )+ \]
    | [^\\()\[\]{}.*+?|^$]
    )*""",
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\.", re.DOTALL)
_TRANSLATED = {r"\s": r"\p{White_Space}", r"\S": r"\P{White_Space}", r"\A": "(?<![^])"}
_SIGN = re.compile(r"[\\^$.*+?()[\]{}|/]")
_POSSESSIVE = re.compile(r"(?<!\\)[*+?}]\+")


def describe_tokenizer(tokenizer: tokenizers.Tokenizer) -> dict[str, Any]:
    """Return a tokenizer as the engine reads it.

    Raises UsageError if it has a part that the engine lacks.
    """
    described: dict[str, Any] = parse_json(tokenizer.to_str())
    model = described["model"]
    if fault := next(_faults(described, model), ""):
        raise UsageError(
            f"The tokenizer of the run has {fault}, which the engine of the page lacks.",
            "Allowed: the parts of the tokenizers character, word and bpe.",
            "Export the run with --to litert.",
        )
    ids = model["vocab"] | {each["content"]: each["id"] for each in described["added_tokens"]}
    names = {token_id: name for name, token_id in ids.items()}
    splits = list(_steps(described["pre_tokenizer"]))
    return {
        "names": [names.get(token_id, "") for token_id in range(max(names) + 1)],
        "special": [each["id"] for each in described["added_tokens"] if each["special"]],
        "unknown": ids.get(model.get("unk_token")),
        "merges": _merges(model, ids),
        "is_byte_level": any(each["type"] == "ByteLevel" for each in splits),
        "replacements": [_readable(each) for each in _steps(described["normalizer"])],
        "splits": [_readable(each) for each in splits if each["type"] == "Split"],
        "decoders": [_readable(each) for each in _steps(described["decoder"])],
    }


def _merges(model: Mapping[str, Any], ids: Mapping[str, int]) -> list[tuple[int, int]] | None:
    """Return the pairs that are merged, as ids, in their order; None for a model of whole words."""
    if model.get("merges") is None:
        return None
    pairs = (each.split(" ") if isinstance(each, str) else each for each in model["merges"])
    return [(ids[left], ids[right]) for left, right in pairs]


def _readable(step: Mapping[str, Any]) -> dict[str, Any]:
    """Return a step, its pattern as JavaScript's."""
    found = {"type": step["type"], "content": step.get("content")}
    if step["type"] == "Split":
        found |= {"is_kept": step["behavior"] != "Removed", "is_inverted": step["invert"]}
    pattern = step.get("pattern", {})
    if "Regex" in pattern:
        found["pattern"] = _ESCAPE.sub(
            lambda each: _TRANSLATED.get(each[0], each[0]), pattern["Regex"]
        )
    elif "String" in pattern:
        found["pattern"] = _SIGN.sub(r"\\\g<0>", pattern["String"])
    return found


def _faults(described: Mapping[str, Any], model: Mapping[str, Any]) -> Iterator[str]:
    if model["type"] not in ("BPE", "WordLevel"):
        yield f"the model {model['type']}"
    for option in _OPTIONS:
        if model.get(option):
            yield f"the option {option}"
    for part, known in _KNOWN.items():
        for each in _steps(described[part]):
            yield from _faults_of_step(each, known)
    if not described["decoder"]:
        yield "no decoder"


def _faults_of_step(step: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    if step["type"] not in known:
        yield f"the step {step['type']}"
    elif step["type"] == "Split" and step["behavior"] not in _SPLITS:
        yield f"a split that is {step['behavior']}"
    elif "Split" in known and (step.get("use_regex") or step.get("add_prefix_space")):
        yield "the step ByteLevel with a pattern or a space of its own"
    pattern = step.get("pattern", {}).get("Regex")
    if pattern is not None and not is_translated(pattern):
        yield f"the pattern {pattern[:60]!r}"


def _steps(part: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    if part is None:
        return
    inner = next((part[key] for key in _LISTS if key in part), None)
    if part["type"] == "Sequence" and inner is not None:
        for each in inner:
            yield from _steps(each)
    else:
        yield part


def is_translated(pattern: str) -> bool:
    """Whether a pattern of Oniguruma means the same in the page."""
    return _PATTERN.fullmatch(pattern) is not None and not _POSSESSIVE.search(pattern)
