"""What is measured of a run that is compared: its losses by blocks, its size, speed and texts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from textgen_core.components import Evidence
from textgen_core.errors import RunDirectoryError
from textgen_core.evaluation.byte_blocks import PlacedTokens, bits_by_block, place_tokens
from textgen_core.evaluation.evidence import TrainingText
from textgen_core.evaluation.metrics import measure_all
from textgen_core.generation import Generation
from textgen_core.pipeline.assembly import make_scorer
from textgen_core.pipeline.opened_run import Run
from textgen_core.registry import ResolvedComponent, choose, discover
from textgen_core.runs import RunDirectory, read_json, read_rows
from textgen_core.runs.door import is_there
from textgen_core.runs.weights import WEIGHTS

PROMPTS = 8  # from all over the text, after which each run writes
PROMPT_CHARACTERS, WRITTEN_CHARACTERS = 80, 300
_NEAR = 20  # characters, within which a word begins
_MORE_TOKENS = 1.3  # than the characters of real text would take
_METRICS = ("repetition", "novelty")


@attrs.frozen(kw_only=True)
class Task:
    """What every run is given: the text, where its blocks end, prompts, samplers and a seed.

    references: what really follows each of the first prompts, which are the text's own.
    """

    documents: Sequence[str]
    borders: np.ndarray
    prompts: Sequence[str]
    references: Sequence[str]
    samplers: Sequence[ResolvedComponent]
    seed: int


@attrs.frozen(kw_only=True)
class Measured:
    """What was measured of a run; None where its files do not say.

    bits: `(blocks,)`. training_speed, writing_speed: bytes of text a second, so that tokenizers
    do not matter. memory_bytes: what its training was expected to need at most. repeated, copied:
    shares of what it wrote, and copied_held_out of what really follows. texts: one for each prompt.
    """

    bits: np.ndarray = attrs.field(eq=False)
    last_step: int | None
    parameters: int | None
    size_bytes: int
    training_seconds: float | None
    training_speed: float | None
    writing_speed: float
    memory_bytes: int | None
    repeated: float | None
    copied: float | None
    copied_held_out: float | None
    texts: tuple[str, ...]


def measure_run(run: Run, task: Task, trained_on: Sequence[str]) -> Measured:
    """Score a run on the text of a task, and write with it.

    trained_on: the documents of its training text, none if they are not at hand. Raises
    RunDirectoryError if a file is damaged.
    """
    placed = place_tokens(task.documents, run.language_model.tokenizer)
    losses = make_scorer(run.configuration, run.language_model).score(placed.token_ids)
    if np.isnan(losses).any():
        raise RunDirectoryError(
            f"The model of {run.directory} is damaged: its losses are NaN.",
            advice="Leave it out, or train it again.",
        )
    bytes_per_token = placed.size / max(1, len(placed.ends))
    written = _write(run, task, placed)
    texts = [text[:WRITTEN_CHARACTERS] for text in written.texts]
    metrics = _measure_texts(run, task, placed, losses, texts, trained_on)
    directory = RunDirectory(run.directory)
    steps, seconds, tokens = _training_of(directory)
    return Measured(
        bits=bits_by_block(placed, losses, task.borders),
        last_step=steps,
        parameters=_described(directory, "parameters"),
        size_bytes=_size(directory, run.step),
        training_seconds=seconds,
        training_speed=tokens * bytes_per_token / seconds if tokens and seconds else None,
        writing_speed=written.tokens_per_second * bytes_per_token,
        memory_bytes=_described(directory, "memory_bytes"),
        repeated=metrics.get("rep_4"),
        copied=metrics.get("copied_8"),
        copied_held_out=metrics.get("copied_8_held_out"),
        texts=tuple(texts),
    )


def choose_places(documents: Sequence[str]) -> list[tuple[str, str]]:
    """Return prompts from all over a text, each with what really follows it.

    They begin with a word, at even distances. Of documents that are too short there are fewer.
    """
    needed = _NEAR + PROMPT_CHARACTERS + WRITTEN_CHARACTERS
    long_enough = [each for each in documents if len(each) >= needed]
    total = sum(len(each) - needed for each in long_enough)
    found = []
    for place in np.linspace(0, total, PROMPTS).astype(int).tolist() if long_enough else ():
        for document in long_enough:
            if place <= len(document) - needed:
                found.append(_cut(document, place))
                break
            place -= len(document) - needed
    return list(dict.fromkeys(found))


def _cut(document: str, place: int) -> tuple[str, str]:
    """Return a prompt that begins after the next space, if one is near, and what follows it."""
    spaces = [at for at in range(place, place + _NEAR) if document[at].isspace()]
    begin = spaces[0] + 1 if spaces else place
    prompt = document[begin : begin + PROMPT_CHARACTERS].rstrip()
    follows = begin + len(prompt)
    return prompt, document[follows : follows + WRITTEN_CHARACTERS]


def _write(run: Run, task: Task, placed: PlacedTokens) -> Generation:
    """Write after each prompt, about `WRITTEN_CHARACTERS` each, whatever the tokens are."""
    characters = sum(map(len, task.documents))
    tokens = math.ceil(WRITTEN_CHARACTERS * len(placed.ends) / max(1, characters) * _MORE_TOKENS)
    stream = run.stream(
        list(task.prompts),
        sampler=list(task.samplers),
        max_new_tokens=max(1, tokens),
        seed=task.seed,
        compile="auto",
    )
    return stream.result()


def _measure_texts(
    run: Run,
    task: Task,
    placed: PlacedTokens,
    losses: np.ndarray,
    texts: Sequence[str],
    trained_on: Sequence[str],
) -> dict[str, float | None]:
    """Return the figures of repetition and novelty of the texts after the text's own prompts."""
    count = len(task.references)
    if not count:
        return {}
    registry = discover()
    chosen = [
        choose(registry, "metric", name, place="compare")
        for name in _METRICS
        if name in registry.by_name("metric")
    ]
    evidence = Evidence(
        samples=texts[:count],
        prompts=list(task.prompts[:count]),
        references=list(task.references),
        training_text=TrainingText(trained_on),
        token_losses=losses,
        token_ids=placed.token_ids[1:],
        tokenizer=run.language_model.tokenizer,
        score=_no_score,
    )
    entries = [(each.name, each.component.provider, each.instance) for each in chosen]
    measured = measure_all(entries, evidence)
    return {name: value for figures in measured.values() for name, value in figures.items()}


def _no_score(text: str) -> np.ndarray:
    del text
    raise NotImplementedError("neither repetition nor novelty scores a text")


def _training_of(directory: RunDirectory) -> tuple[int | None, float | None, float | None]:
    """Return the steps that were trained, their seconds, and the tokens that were read."""
    rows = [row for row in read_rows(directory.metrics) if "loss" in row]
    last = rows[-1] if rows else {}
    step = _number(last.get("step"))
    return (
        None if step is None else round(step),
        _number(last.get("seconds")),
        _number(last.get("tokens")),
    )


def _size(directory: RunDirectory, step: int) -> int:
    """Return the bytes of what a run writes with: its weights and counts."""
    paths = (directory.checkpoint(step) / WEIGHTS, directory.counts)
    return sum(path.stat().st_size for path in paths if is_there(path))


def _described(directory: RunDirectory, key: str) -> int | None:
    """Return a number that the manifest says of the model."""
    manifest = read_json(directory.manifest) if is_there(directory.manifest) else {}
    model = manifest.get("model") if isinstance(manifest, Mapping) else None
    number = _number(model.get(key)) if isinstance(model, Mapping) else None
    return None if number is None else round(number)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None
