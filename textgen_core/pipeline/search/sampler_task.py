"""How near a chain of samplers comes to real text on a trained run: it writes, and is measured."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from pathlib import Path

import attrs

from textgen_core.corpus.analysis.languages import UNKNOWN
from textgen_core.errors import CorpusError
from textgen_core.evaluation.evidence import TrainingText
from textgen_core.evaluation.resemblance import RealText, Resemblance, Ruler
from textgen_core.pipeline.common_text import Trained, beginning_of, read_common_text
from textgen_core.pipeline.opened_run import Run
from textgen_core.pipeline.search.passages import Page, Passages, cut_passages
from textgen_core.registry import ResolvedComponent
from textgen_core.runs import RunDirectory, read_json
from textgen_core.runs.door import is_there

_MORE_TOKENS = 1.2  # than the characters of real text take on average
_COUNTED = 100_000  # characters whose tokens are counted


@attrs.frozen(kw_only=True)
class Written:
    """What a chain wrote on some pages, how near that is, and the seconds for each page.

    texts: by passage, in the order of the pages.
    """

    resemblance: Resemblance
    texts: tuple[str, ...]
    seconds_per_page: float


@attrs.frozen(kw_only=True)
class SamplerTask:
    """A run, what it goes on from, and what real text is like there.

    name: what the text is called. notes: what is to be known of it.
    """

    run: Run
    name: str
    passages: Passages
    tuning: RealText
    checking: RealText
    max_new_tokens: int
    notes: tuple[str, ...] = ()

    def write(
        self, samplers: Sequence[ResolvedComponent], pages: Sequence[Page], seed: int
    ) -> Written:
        """Write after all prompts of some pages, and measure it by the real text of their half."""
        passages = [passage for page in pages for passage in page]
        prompts = [prompt for passage in passages for prompt in passage.prompts]
        generation = self.run.stream(
            prompts, sampler=list(samplers), max_new_tokens=self.max_new_tokens, seed=seed
        ).result()
        begin = time.monotonic()
        rest = iter(generation.texts)
        texts = [passage.join([next(rest) for _ in passage.prompts]) for passage in passages]
        written = iter(texts)
        real = self.checking if pages[0] in self.passages.checking else self.tuning
        resemblance = real.compare([[next(written) for _ in page] for page in pages])
        tokens = sum(len(sample.token_ids) for sample in generation.samples)
        seconds = tokens / max(1.0, generation.tokens_per_second) + time.monotonic() - begin
        return Written(
            resemblance=resemblance,
            texts=tuple(texts),
            seconds_per_page=seconds / len(pages),
        )


def make_task(run: Run, text: Path | None) -> SamplerTask:
    """Return the task of a run, on its own validation text or on a file.

    Raises CorpusError if the run was trained on the file, or there is too little text, and
    RunDirectoryError if the run's text is not at hand.
    """
    directory = RunDirectory(run.directory)
    trained = Trained(
        name=directory.name,
        directory=directory,
        configuration=run.configuration,
        places=run.places,
    )
    name, documents, notes = _held_out(trained, text)
    passages = cut_passages(documents)
    splits = trained.splits
    ruler = Ruler.for_text(
        documents,
        _language(run, directory),
        () if splits is None else TrainingText(splits.train),
    )
    if splits is None:
        notes += (f"Which words and phrases are new is not measured. {trained.why_not}".strip(),)
    tuning, checking = (
        RealText.of([[each.real for each in page] for page in half], ruler)
        for half in (passages.tuning, passages.checking)
    )
    return SamplerTask(
        run=run,
        name=name,
        passages=passages,
        tuning=tuning,
        checking=checking,
        max_new_tokens=_tokens_for(run, documents, passages.longest),
        notes=notes,
    )


def _held_out(trained: Trained, text: Path | None) -> tuple[str, Sequence[str], tuple[str, ...]]:
    """Return the name of the held-out text, its documents, and notes on it."""
    if text is not None:
        common = read_common_text(text, [trained])
        return common.name, common.documents, common.notes
    documents = trained.splits.validation if trained.splits else ()
    if not documents:
        raise CorpusError(
            f"{trained.name} has no validation text to tune samplers by. {trained.why_not}".strip(),
            "Allowed: a run whose text is at hand, or a text that it was not trained on.",
            "Name such a text: --text FILE",
        )
    return "the validation text", beginning_of(documents), ()


def _language(run: Run, directory: RunDirectory) -> str:
    """Return the language of a run's corpus, by its settings or its analysis."""
    language = run.configuration.corpus.language
    if language != "auto":
        return language
    found = read_json(directory.analysis) if is_there(directory.analysis) else {}
    language = found.get("language", "") if isinstance(found, dict) else ""
    return str(language) or UNKNOWN


def _tokens_for(run: Run, documents: Sequence[str], characters: int) -> int:
    """Return how many tokens so many characters of a text take, with some to spare."""
    text = "".join(documents)[:_COUNTED]
    tokens = len(run.runtime.reader.read(text).token_ids) / max(1, len(text))
    margin = 1.0 if tokens >= 1 else _MORE_TOKENS
    return max(1, math.ceil(characters * tokens * margin))
