"""The settings of a run: five sections of options, declared like the options of a component.

Numeric defaults are those of the course (the recipe `classic`). `resolve` lays the other layers
over them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import attrs

from textgen_core.components import RULES, Option, OptionRules, option
from textgen_core.config.corpus_settings import CorpusSettings as CorpusSettings

# The most that a setting may ask for: more than anyone needs, and less than fills a memory at once.
LONGEST_WINDOW = 131_072  # tokens
LARGEST_BATCH = 65_536  # windows
MOST_TOKENS = 1_000_000  # of one text
MOST_TEXTS = 100_000
LONGEST_PROMPT = 1_000_000  # characters
MOST = 1_000_000_000  # of whatever is only counted
LONGEST_NGRAM = 12  # tokens

CLOCKS = ("epochs", "steps", "minutes")  # the settings of training that end it; a run has one


@attrs.frozen(kw_only=True)
class DataSettings:
    """How token files become batches."""

    sequence_length: int = option(
        100,
        help="tokens in a window: the context length of the model",
        at_least=2,
        at_most=LONGEST_WINDOW,
    )
    stride: int = option(
        50,
        help="windows begin at multiples of it, in each epoch at others; from sequence_length on: "
        "in each epoch alike",
        at_least=1,
        at_most=MOST,
    )
    batching: Literal["windows", "stream"] = option(
        "windows", help="shuffled windows, or contiguous streams that carry the recurrent state on"
    )
    stream_length: int | None = option(
        None,
        help="tokens after which streams begin anew, with a fresh state; a short text has them "
        "begin more often; none: at the end of an epoch",
        at_least=1,
        at_most=MOST,
    )


@attrs.frozen(kw_only=True)
class TrainingSettings:
    """How the model is trained."""

    batch_size: int = option(32, help="windows in a batch", at_least=1, at_most=LARGEST_BATCH)
    epochs: int | None = option(10, help="passes over the training split", at_least=1, at_most=MOST)
    steps: int | None = option(
        None, help="steps to train in place of epochs, exactly", at_least=1, at_most=MOST
    )
    minutes: float | None = option(
        None,
        help="minutes to train in place of epochs or steps, compilation and validation counted",
        above=0,
    )
    most_passes: float | None = option(
        None,
        help="passes over the training split after which a run of minutes ends before its time",
        above=0,
    )
    optimizer: Literal["adam", "adamw", "sgd", "muon"] = option(
        "adam", help="the optimizer; muon updates matrices, and adam the rest"
    )
    learning_rate: float = option(0.001, help="the highest learning rate", above=0)
    weight_decay: float | None = option(
        None,
        help="decoupled weight decay of matrices, times the learning rate; none: the optimizer's "
        "own, of everything (adamw 0.01, muon 0.004)",
        at_least=0,
    )
    average: float = option(
        0.0,
        help="decay of a moving average of the weights, which is validated and kept; 0: none, the "
        "weights themselves",
        at_least=0,
        below=1,
    )
    schedule: Literal["constant", "plateau", "linear", "cosine", "halving"] = option(
        "plateau", help="how the learning rate changes"
    )
    halve_after: int = option(
        1,
        help="schedule halving: epochs at the full rate before each further one halves it",
        at_least=1,
        at_most=MOST,
    )
    warm_up: float = option(
        0.0, help="share of training in which the rate rises from zero", at_least=0, below=1
    )
    label_smoothing: float = option(
        0.0, help="share of the target given to all tokens alike", at_least=0, below=1
    )
    clip_norm: float | None = option(1.0, help="the highest global norm of the gradient", above=0)
    accumulate: int = option(
        1,
        help="gradient accumulation: batches whose gradients make one update",
        at_least=1,
        at_most=MOST,
    )
    patience: int | None = option(
        3, help="validations without improvement before training stops", at_least=1, at_most=MOST
    )
    validation_tokens: int | None = option(
        None,
        help="tokens from all over the validation split that a validation in training scores; "
        "none: all of them",
        at_least=2,
        at_most=MOST,
    )
    counts: int = option(
        0,
        help="tokens of the longest n-grams whose counts are mixed with the trained network; a "
        "text of many n-grams has shorter ones; 0: the network alone",
        at_least=0,
        at_most=LONGEST_NGRAM,
    )
    precision: Literal["auto", "float32", "bfloat16", "float16"] = option(
        "auto", help="the precision of the arithmetic; weights stay float32"
    )
    compile: Literal["auto", "xla", "graph", "eager"] = option(
        "auto", help="how the training step is compiled"
    )
    recompute: bool = option(
        False, help="activation checkpointing: recompute activations in the backward pass"
    )
    checkpoint_seconds: float = option(
        300.0, help="the longest time between two checkpoints, in seconds", above=0
    )
    profile: tuple[int, int] | None = option(
        None,
        help="first and last step of a TensorFlow profile, written to the run's profile/: 20,25",
        at_least=1,
    )

    def __attrs_post_init__(self) -> None:
        if all(getattr(self, clock) is None for clock in CLOCKS):
            raise ValueError("training needs an end: epochs, steps or minutes")
        if self.profile is not None and self.profile[0] > self.profile[1]:
            first, last = self.profile
            raise ValueError(f"profile ends at step {last}, before it begins at step {first}")
        taken = (self.weight_decay or 0.0) * self.learning_rate
        if taken > 1:
            raise ValueError(
                f"weight_decay times learning_rate is {taken:g}, and more than 1: each step would "
                "take more than the whole of a weight"
            )

    @property
    def clock(self) -> Literal["epochs", "steps", "minutes"]:
        """What ends training: of several, minutes before steps before epochs."""
        if self.minutes is not None:
            return "minutes"
        return "epochs" if self.steps is None else "steps"


AUTO_PROMPT = "auto"


@attrs.frozen(kw_only=True)
class GenerationSettings:
    """What is written after each epoch and at the end."""

    prompt: str = option(
        AUTO_PROMPT,
        help="what the samples start from; empty: the start of a document; auto: the same where "
        "the text has many documents or short ones, else the start of a line",
    )
    max_new_tokens: int = option(
        200, help="new tokens in a sample", at_least=1, at_most=MOST_TOKENS
    )
    samples: int = option(3, help="samples written at the end", at_least=1, at_most=MOST_TEXTS)

    def __attrs_post_init__(self) -> None:
        # Bytes of a command line that are not UTF-8 come as lone surrogates, which no text has.
        whole = self.prompt.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        object.__setattr__(self, "prompt", whole)
        if len(whole) > LONGEST_PROMPT:
            raise ValueError(f"prompt has {len(whole):,} characters, at most {LONGEST_PROMPT:,}")


@attrs.frozen(kw_only=True)
class EvaluationSettings:
    """How a run is scored."""

    stride: int | None = option(
        None,
        help="tokens from one scored window to the next; none: half the window",
        at_least=1,
        at_most=MOST,
    )
    prompts: int = option(
        50,
        help="held-out prompts that the metrics' samples continue",
        at_least=1,
        at_most=MOST_TEXTS,
    )
    prompt_tokens: int = option(
        20, help="tokens in a held-out prompt", at_least=1, at_most=MOST_TOKENS
    )
    continuation_tokens: int = option(
        50, help="tokens in a continuation", at_least=1, at_most=MOST_TOKENS
    )


SECTIONS: dict[str, type] = {
    "corpus": CorpusSettings,
    "data": DataSettings,
    "training": TrainingSettings,
    "generation": GenerationSettings,
    "evaluation": EvaluationSettings,
}

SEED = Option(
    name="seed",
    type=int,
    default=1,
    rules=OptionRules(help="seed of all random numbers", at_least=0, at_most=2**31 - 1),
)

# The arguments of `textgen run` and `run()` that are settings, and the setting that each one is.
ARGUMENTS: Mapping[str, str] = {
    "tokenizer": "tokenizer",
    "model": "model",
    "sampler": "samplers",
    "metric": "metrics",
    "tracker": "trackers",
    "corpus": "corpus.files",
    "epochs": "training.epochs",
    "steps": "training.steps",
    "minutes": "training.minutes",
    "batch_size": "training.batch_size",
    "learning_rate": "training.learning_rate",
    "seed": "seed",
    "split": "corpus.split",
    "validation": "corpus.validation",
    "test": "corpus.test",
    "prompt": "generation.prompt",
}


def help_of(argument: str) -> str:
    """Return what an argument that is a setting of a section, or the seed, does."""
    section, _, key = ARGUMENTS[argument].partition(".")
    rules = attrs.fields_dict(SECTIONS[section])[key].metadata[RULES] if key else SEED.rules
    return str(rules.help)
