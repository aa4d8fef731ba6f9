"""What the rules of a tokenizer.json may make of a text, before one is given to them.

A tokenizer may come from a stranger, and the library runs its rules to their end, whatever they
make of a text: 26 replacements of one letter by two are the text 67 million times. So how much
longer a text can become is computed from the rules, and one that no tokenizer needs is refused.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any

LONGEST_RULE = 10_000  # characters of a text in a rule, or of an expression
MOST_RULES = 100
MOST_GROWTH = 64.0  # times that a text may become longer
LONGEST_TOKEN = 100_000  # characters
_SECTIONS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_COMPILED = "precompiled_charsmap"  # a table of single characters, some 300 kB
_LONGEST_TABLE = 4_000_000
_LONGEST_WORD = "max_input_chars_per_word"
# A quantifier without an end, or a large one; what follows it may make it possessive.
_QUANTIFIER = re.compile(r"(?:[*+]|\{\d*,\}|\{\d*,\d{2,}\}|\{\d{2,}\})(\+?)")
_ATOM = re.compile(r"\\[pP]\{[^}]*\}|\\.|\[(?:\\.|\[:\^?\w+:\]|[^\]\\])+\]", re.DOTALL)


def fault_of_rules(table: Any) -> str:
    """Return what is wrong with the rules in the table of a tokenizer.json, or an empty string."""
    if not isinstance(table, Mapping):
        return "it is no table"
    rules = [each for name in _SECTIONS for each in _rules_of(table.get(name))]
    if len(rules) > MOST_RULES:
        return f"it has {len(rules):,} rules, and {MOST_RULES} are allowed"
    for rule in rules:
        for key, text in _texts_of(rule):
            if len(text) > (_LONGEST_TABLE if key == _COMPILED else LONGEST_RULE):
                return f"its rule {str(rule.get('type'))[:40]} holds {len(text):,} characters"
        if _backtracks(_expression_of(rule)):
            return "an expression of it repeats what is itself repeated, which may take for ever"
    for name in _SECTIONS:
        growth = 1.0
        for rule in _rules_of(table.get(name)):
            growth *= _growth_of(rule)
        if growth > MOST_GROWTH:
            return f"its {name} can make a text {growth:,.0f} times as long"
    return _fault_of_model(table.get("model"))


def _rules_of(section: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the rules of a section, those of its sequences one by one."""
    waiting = [section]
    while waiting:
        rule = waiting.pop()
        if isinstance(rule, Mapping):
            yield rule
            for value in rule.values():
                if isinstance(value, list) and value and isinstance(value[0], Mapping):
                    waiting += value


def _texts_of(rule: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in rule.items():
        if isinstance(value, str):
            yield key, value
        elif isinstance(value, Mapping):  # {"String": ...} or {"Regex": ...}
            yield from ((key, text) for text in value.values() if isinstance(text, str))


def _expression_of(rule: Mapping[str, Any]) -> str:
    pattern = rule.get("pattern")
    found = pattern.get("Regex", "") if isinstance(pattern, Mapping) else ""
    return found if isinstance(found, str) else ""


def _growth_of(rule: Mapping[str, Any]) -> float:
    """Return how many times as long a rule can make a text of some length."""
    if isinstance(table := rule.get(_COMPILED), str):
        return _longest_in(table)
    content, pattern = rule.get("content"), rule.get("pattern")
    if rule.get("type") != "Replace" or not isinstance(content, str):
        return 1.0
    if isinstance(pattern, Mapping) and isinstance(pattern.get("String"), str):
        return max(1.0, len(content) / max(1, len(pattern["String"])))
    return max(1.0, float(len(content)))  # an expression may find single characters


def _longest_in(table: str) -> float:
    """Return the longest text that a table of SentencePiece has for a character, in bytes.

    It is the size of a trie, the trie, and texts that end with a zero. NFKC needs 33.
    """
    try:
        data = base64.b64decode(table)
    except ValueError:  # the library will say so
        return 1.0
    texts = data[4 + int.from_bytes(data[:4], "little") :]
    return float(max(map(len, texts.split(b"\0"))))


def _backtracks(expression: str) -> bool:
    """Return whether a group that is repeated holds something that is repeated, as (a+)+ does."""
    plain = _ATOM.sub("x", expression)
    repeats = [False]  # of each open group, whether it repeats something
    at = 0
    while at < len(plain):
        quantifier = _QUANTIFIER.match(plain, at)
        if quantifier:
            repeats[-1] = True
            at = quantifier.end()
            continue
        if plain[at] == "(":
            repeats.append(False)
        elif plain[at] == ")" and len(repeats) > 1:
            inner = repeats.pop()
            after = _QUANTIFIER.match(plain, at + 1)
            if inner and after and not after[1]:
                return True
            repeats[-1] |= inner
        at += 1
    return False


def _fault_of_model(model: Any) -> str:
    if not isinstance(model, Mapping):
        return "it has no model"
    for key, text in _texts_of(model):
        if len(text) > LONGEST_RULE:
            return f"the {key} of its model holds {len(text):,} characters"
    vocabulary = model.get("vocab")
    tokens: Any = vocabulary if isinstance(vocabulary, Mapping) else ()
    if isinstance(vocabulary, list):  # of Unigram: pairs of a token and its log-probability
        tokens = [pair[0] for pair in vocabulary if isinstance(pair, list) and pair]
    if isinstance(size := model.get(_LONGEST_WORD), int) and size > LONGEST_RULE:
        return f"its {_LONGEST_WORD} is {size:,}, and the time grows with its square"
    longest = max((len(token) for token in tokens if isinstance(token, str)), default=0)
    if longest > LONGEST_TOKEN:
        return f"it has a token of {longest:,} characters"
    return ""
