"""The settings of the corpus: which text is read, how it is cleaned, and how it is split."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import attrs

from textgen_core.components import option
from textgen_core.config.template import parse_template


@attrs.frozen(kw_only=True)
class CorpusSettings:
    """Which text is read, how it is cleaned and how it is split."""

    files: tuple[str, ...] = option((), help="the corpus files; none: the built-in corpus")
    encoding: str = option(
        "utf-8", help="the encoding of the files; auto: UTF-8, else what each file looks like"
    )
    documents: Literal["file", "blank-line", "record"] = option(
        "file", help="what a document is: a file, a block between blank lines, or a line"
    )
    format: Literal["auto", "text", "csv", "tsv", "jsonl"] = option(
        "auto",
        help="what the files hold; auto: what their names and first lines say; text: plain text, "
        "whatever it looks like",
    )
    column: str | None = option(
        None,
        help="the column of a table that holds the texts, or the key of JSON records: text, or "
        "message.text for a key within another",
    )
    template: str | None = option(
        None, help='a text made of several columns: "{from}: {text}"; {{ and }} stand for braces'
    )
    group_by: str | None = option(
        None, help="the column whose equal values make records one document, a line each"
    )
    language: str = option(
        "auto", help="the text's language by its code (en, de, zh ...), to find its sentences"
    )
    split: tuple[float, ...] = option(
        (80.0, 10.0, 10.0),
        help="percent of the text for training, validation and test",
        at_least=0,
        at_most=100,
    )
    split_by: Literal["position", "documents"] = option(
        "position", help="cut at exact characters, or keep every document whole"
    )
    validation: Path | None = option(None, help="a ready-made validation text")
    test: Path | None = option(None, help="a ready-made test text")
    unicode: Literal["none", "NFC", "NFD", "NFKC"] = option(
        "none", help="the Unicode normalisation form"
    )
    newlines: Literal["fold", "keep"] = option("fold", help="fold CRLF and CR into LF, or keep")
    control_characters: Literal["drop", "keep"] = option(
        "drop", help="drop characters that cannot be printed (tabs and newlines stay)"
    )
    spaces: Literal["keep", "collapse"] = option(
        "keep", help="collapse runs of spaces and tabs, and strip them at the end of a line"
    )
    punctuation: Literal["keep", "drop"] = option("keep", help="keep punctuation, or drop it all")
    letter_case: Literal["keep", "lower", "truecase"] = option(
        "keep",
        help="keep letters, lower them all, or write words that begin a sentence as elsewhere",
    )
    repair: Literal["none", "ftfy"] = option(
        "none", help="repair text that was once decoded wrongly, with the extra ftfy"
    )

    def __attrs_post_init__(self) -> None:
        if len(self.split) != 3:
            raise ValueError("split needs three shares: training, validation and test")
        if abs(sum(self.split) - 100) > 1e-6:
            raise ValueError(f"split adds up to {sum(self.split):g}, not to 100")
        if self.split[0] <= 0:
            raise ValueError("split leaves nothing to train on")
        if self.test is not None and self.validation is None:
            raise ValueError("a ready-made test text needs a ready-made validation text too")
        if self.template is not None:
            parse_template(self.template)
