"""How a record becomes a text: literal text around names in braces, such as `{from}: {text}`."""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(r"\{\{|\}\}|\{(?P<key>[^{}]+)\}|[{}]")


class Part(NamedTuple):
    """Literal text, and the name whose value follows it; the last part of a template has none."""

    literal: str
    key: str


def parse_template(template: str) -> tuple[Part, ...]:
    """Return the parts of a template; `{{` and `}}` stand for braces.

    Raises:
        ValueError: A brace stands alone, or nothing is named.
    """
    parts, literal, at = list[Part](), "", 0
    for token in _TOKEN.finditer(template):
        literal += template[at : token.start()]
        at = token.end()
        if token["key"]:
            parts.append(Part(literal, token["key"]))
            literal = ""
        elif token[0] in ("{{", "}}"):
            literal += token[0][0]
        else:
            raise ValueError(
                f"template is {template!r}, in which a {token[0]} stands alone; allowed: names in "
                "braces, as in {from}: {text}, and {{ or }} for a brace"
            )
    if not parts:
        raise ValueError(
            f"template is {template!r}, which names no column; allowed: names in braces, "
            "as in {from}: {text}"
        )
    return (*parts, Part(literal + template[at:], ""))
