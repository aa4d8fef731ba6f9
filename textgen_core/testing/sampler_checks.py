"""Checks of a sampler: what it does to a few rows of logits, in a few steps, plain and compiled.

The sampler runs in the core's own chain, with its state and its `bind` if it has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from textgen_core.components import History, Sampler, options_of
from textgen_core.errors import reason_of
from textgen_core.testing.check import ConformanceFault, check, require
from textgen_core.testing.material import LETTERS, letter_tokenizer
from textgen_core.testing.subject import Subject

if TYPE_CHECKING:
    import numpy as np

STEPS = 3
VOCABULARY = 4 + len(LETTERS)
NEVER_DRAWN = 3  # the core excludes the ids below: <PAD>, <UNK>, <START>
PROMPT = 3  # tokens of the longest prompt
TOLERANCE = 1e-4  # between a compiled transform and the plain one, as a share of the logit


@attrs.frozen(kw_only=True, eq=False)
class Rows:
    """What a sampler is given: float32 logits `(steps, batch, vocabulary)` and the texts so far.

    token_ids: int32 `(batch, PROMPT + steps)`; prompt_lengths: int32 `(batch,)`.
    """

    logits: np.ndarray
    token_ids: np.ndarray
    prompt_lengths: np.ndarray


@check("sampler.keeps-one", "sampler")
def keeps_one(subject: Subject) -> None:
    """In every row some token stays, and no logit is NaN or +infinity."""
    import numpy as np

    rows = awkward_rows(seed=1)
    after = transformed(subject.instance(), rows)
    for step, row in np.ndindex(after.shape[:2]):
        before, found = rows.logits[step, row], after[step, row]
        wrong = np.flatnonzero(~(found < np.inf))  # a NaN is not below infinity
        if len(wrong):
            token = wrong[0]
            raise ConformanceFault(
                f"The logit of token {token}, {before[token]:g}, becomes {found[token]:g}."
            )
        require((found > -np.inf).any(), f"Of {_shown(before)} every token is excluded.")


@check("sampler.never-revives-excluded", "sampler")
def never_revives(subject: Subject) -> None:
    """What came in as -infinity, excluded by the core or by an earlier sampler, stays so."""
    import numpy as np

    rows = awkward_rows(seed=2)
    dropped = np.random.default_rng(2).random(rows.logits.shape) < 0.5
    dropped[..., -1] = False  # so that a token is left to draw
    logits = np.where(dropped, np.float32(-np.inf), rows.logits)
    after = transformed(subject.instance(), attrs.evolve(rows, logits=logits))
    revived = np.argwhere((logits == -np.inf) & (after != -np.inf))
    if len(revived):
        step, row, token = revived[0]
        raise ConformanceFault(
            f"The excluded token {token} got the logit {after[step, row, token]:g} "
            f"in {_shown(logits[step, row])}."
        )


@check("sampler.rows-independent", "sampler")
def keeps_rows_apart(subject: Subject) -> None:
    """What becomes of a row does not depend on the other rows of the batch."""
    import numpy as np

    # Of like size: a row that outweighs all others would hide what they do to each other.
    scales = (1.0, 1.0, 2.0, 2.0, 3.0, 3.0)
    rows, others = (random_rows(seed, scales) for seed in (3, 4))
    after = transformed(subject.instance(), rows)
    even = np.arange(rows.logits.shape[1]) % 2 == 0
    for kept in (even, ~even):
        mixed = Rows(
            logits=np.where(kept[None, :, None], rows.logits, others.logits),
            token_ids=np.where(kept[:, None], rows.token_ids, others.token_ids),
            prompt_lengths=np.where(kept, rows.prompt_lengths, others.prompt_lengths),
        )
        again = transformed(subject.instance(), mixed)
        require_same(after[:, kept], again[:, kept], "With other rows beside it,")


@check("sampler.repeatable", "sampler")
def is_repeatable(subject: Subject) -> None:
    """The same logits and history give the same result: the core alone draws."""
    sampler, rows = subject.instance(), awkward_rows(seed=5)
    first, second = transformed(sampler, rows), transformed(sampler, rows)
    require_same(first, second, "In a second call", tolerance=0)


@check("sampler.compiles", "sampler")
def compiles(subject: Subject) -> None:
    """As a graph and under XLA it does what it does as plain operations."""
    # Without ties: rounding may decide which of two equally probable tokens is excluded.
    rows = random_rows(seed=6, scales=(1.0, 3.0, 5.0))
    plain = transformed(subject.instance(), rows)
    for way, is_xla in (("As a graph", False), ("Under XLA", True)):
        try:
            after = transformed(subject.instance(), rows, is_xla=is_xla)
        except Exception as error:
            raise ConformanceFault(f"{way}: {reason_of(error)}") from error
        require_same(plain, after, f"{way},")


@check("sampler.traced", "sampler")
def takes_tensors(subject: Subject) -> str | None:
    """With a scalar tensor in place of each `traced` option it gives the same logits."""
    import tensorflow as tf

    sampler, declared = subject.instance(), options_of(subject.cls)
    names = " and ".join(each.name for each in declared if each.rules.traced)
    if not names:
        return "none of its options is traced"
    most = tf.int32.max  # as in generation: a larger number means as much
    numeric = [each.name for each in declared if each.type in (int, float)]
    numbers = {name: min(getattr(sampler, name), most) for name in numeric}
    rows = random_rows(seed=9, scales=(1.0, 3.0, 5.0))
    plain = transformed(sampler, rows, options=numbers)
    after = transformed(sampler, rows, is_xla=False)
    require_same(plain, after, f"With a tensor in place of {names},")
    return None


def use(subject: Subject) -> None:
    """Transform once."""
    transformed(subject.instance(), awkward_rows(seed=7))


def awkward_rows(seed: int) -> Rows:
    """Return random rows, a flat one, a peaked one, ties, large numbers, and one token alone."""
    import numpy as np

    rows = random_rows(seed, scales=(1.0, 5.0, 0.0, 1.0, 1.0, 1000.0, 1e-6))
    logits = rows.logits
    for step in range(STEPS):
        tokens = np.random.default_rng((seed, step)).permutation(range(NEVER_DRAWN, VOCABULARY))
        logits[step, 3, tokens[0]] = 60
        logits[step, 4, tokens[1:]] = -np.inf
        logits[step, 5, tokens[:2]] = 5000  # the most probable two, equally so
    return rows


def transformed(
    sampler: Sampler, rows: Rows, *, is_xla: bool | None = None, options: Any = None
) -> np.ndarray:
    """Return what becomes of the logits, step after step.

    is_xla: None for plain operations. options: their tensors, by default of the sampler's own.
    """
    import numpy as np
    import tensorflow as tf

    from textgen_core.generation import transforming
    from textgen_core.generation.chain import Chain
    from textgen_core.models.devices import grow_memory

    grow_memory()  # models may be checked later in this process
    [link] = Chain([sampler], [type(sampler).__name__], letter_tokenizer()).links
    options = options or transforming.option_tensors(link, link.values_of(sampler))
    _, batch, vocabulary = rows.logits.shape

    def step(logits: Any, token_ids: Any, length: Any, state: Any, options: Any) -> Any:
        history = History(
            token_ids=token_ids,
            length=tf.fill((batch,), length),
            prompt_length=tf.constant(rows.prompt_lengths),
        )
        return transforming.transform(link, logits, history, state, options)

    run: Any = step
    if is_xla is not None:
        # TensorFlow warns of one code that is compiled again and again: a partial has none.
        run = tf.function(partial(step), jit_compile=is_xla, autograph=False)
    state, found = transforming.initial_state(link, batch, vocabulary, options), []
    for number, logits in enumerate(rows.logits):
        length = PROMPT + number
        written = np.where(np.arange(rows.token_ids.shape[1]) < length, rows.token_ids, 0)
        given = (tf.constant(logits), tf.constant(written), tf.constant(length))
        after, state = run(*given, state, options)
        found.append(after.numpy())
    return np.stack(found)


def random_rows(seed: int, scales: Sequence[float]) -> Rows:
    """Return a row for each scale; the tokens that the core excludes are excluded."""
    import numpy as np

    batch, draw = len(scales), np.random.default_rng(seed)
    logits = draw.normal(size=(STEPS, batch, VOCABULARY)) * np.array(scales)[None, :, None]
    logits[..., :NEVER_DRAWN] = -np.inf
    draw = np.random.default_rng((seed, 1000))
    token_ids = draw.integers(NEVER_DRAWN + 1, VOCABULARY, (batch, PROMPT + STEPS))
    return Rows(
        logits=logits.astype(np.float32),
        token_ids=token_ids.astype(np.int32),
        prompt_lengths=draw.integers(1, PROMPT + 1, (batch,)).astype(np.int32),
    )


def require_same(
    one: np.ndarray, other: np.ndarray, what: str, tolerance: float = TOLERANCE
) -> None:
    """Raise ConformanceFault unless logits `(steps, batch, vocabulary)` are as good as equal."""
    import numpy as np

    differing = np.argwhere(~np.isclose(one, other, rtol=tolerance, atol=tolerance))
    if len(differing):
        step, row, token = differing[0]
        before, after = one[step, row, token], other[step, row, token]
        problem = f"the logit of token {token} is {after:g} in place of {before:g}."
        raise ConformanceFault(f"{what} {problem}")


def _shown(logits: np.ndarray) -> str:
    """Return the logits of a row, those of the tokens that are never drawn left out."""
    numbers = ", ".join(f"{each:.3g}" for each in logits[NEVER_DRAWN : NEVER_DRAWN + 8])
    return f"[{numbers}, …]"
