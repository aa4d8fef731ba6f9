"""README.md of the folder that `litert` writes: what each file holds, and what the model is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from textgen_core.formatting import printable

_MEANING = re.compile(r"([\\`*_{}\[\]<>#|~!])")  # what Markdown would take for more than itself


def render_readme(about: Mapping[str, Any], *, is_of_characters: bool) -> str:
    """Return the text; about: what model.json holds."""
    special = about["special_tokens"]
    samplers = "".join(
        f"| `{each['file']}` | the sampler {_plain(each['spec'])} |\n" for each in about["samplers"]
    )
    template = files("textgen_core.export").joinpath("litert_files", "README.md.txt")
    return template.read_text(encoding="utf-8").format(
        title=_plain(about["title"]),
        what=_what(about),
        prompts="" if is_of_characters else _NEEDS_TOKENIZERS,
        samplers=samplers,
        start=special["<START>"],
        end=special["<END>"],
        made_with=about["made_with"],
    )


_NEEDS_TOKENIZERS = "A prompt of your own also needs `pip install tokenizers`. "


def _what(about: Mapping[str, Any]) -> str:
    names = ", ".join(map(_plain, about["trained_on"])) or "a text that its run does not name"
    parameters = about["parameters"]
    size = f" of {parameters:,} parameters" if isinstance(parameters, int) else ""
    score = about["bits_per_byte"]
    split = _plain(about["split"]) or "held-out"
    scored = f" It needs {score:.3f} bits per byte for the {split} text." if score else ""
    return (
        f"A small language model ({_plain(about['architecture'])}{size}), which continues texts. "
        f"It was trained on {names} alone.{scored}"
    )


def _plain(text: str) -> str:
    """Return foreign text so that Markdown shows it as it is."""
    return _MEANING.sub(r"\\\1", printable(str(text), keep=""))
