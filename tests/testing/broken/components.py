"""Components that break a rule of all kinds."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import attrs
from testing.sound import SoundMetric, SoundSampler, SoundTracker, SoundTrainer

from textgen_core import Evidence
from textgen_core.components import TrackedRun, option


class Undecorated(SoundSampler):
    """A class that attrs never saw."""


@attrs.frozen(kw_only=True)
class Nameless(SoundMetric):
    """Its option has the name of the component's own."""

    name: str = option("", help="a name")


@attrs.frozen(kw_only=True)
class Demanding(SoundSampler):
    """Its own rule refuses its defaults."""

    def __attrs_post_init__(self) -> None:
        raise ValueError("distance must be chosen")


@attrs.frozen(kw_only=True)
class Silent(SoundSampler):
    pass


@attrs.frozen(kw_only=True)
class Rambling(SoundSampler):
    """Its summary is so long that it takes
    two lines.
    """


@attrs.frozen(kw_only=True)
class Helpless(SoundSampler):
    """Its option is not explained."""

    distance: float = option(5.0, help=" ", above=0)


@attrs.frozen(kw_only=True)
class NoneByName(SoundSampler):
    """A choice has the name that stands for None."""

    way: Literal["none", "fast"] | None = option("fast", help="the way")


@attrs.frozen(kw_only=True)
class Quoting(SoundSampler):
    """The default reads as two options in a spec."""

    text: str = option("a',b='c", help="a text")


@attrs.frozen(kw_only=True)
class GlobalSampler(SoundSampler):
    """Draws from the random numbers of the process."""

    def transform(self, logits: Any, history: Any) -> Any:
        random.random()
        return logits


@attrs.frozen(kw_only=True)
class GlobalTrainer(SoundTrainer):
    """Seeds the random numbers of the process."""

    def train(self, texts: Iterable[str]) -> Any:
        import numpy as np

        np.random.seed(1)
        return SoundTrainer.train(self, texts)


@attrs.frozen(kw_only=True)
class GlobalMetric(SoundMetric):
    """Shuffles with the random numbers of the process."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        samples = list(evidence.samples)
        random.shuffle(samples)
        return SoundMetric.measure(self, attrs.evolve(evidence, samples=samples))


@attrs.frozen(kw_only=True)
class Boundless(SoundSampler):
    """Its number may be anything."""

    distance: float = option(5.0, help="a distance")


@attrs.frozen(kw_only=True)
class Nested(SoundSampler):
    """Its bound is for numbers in lists of lists, which no check looks into."""

    distances: tuple[tuple[int, ...], ...] = option(((5,),), help="distances", at_least=1)


@attrs.frozen(kw_only=True)
class Contradicting(SoundSampler):
    """Its bounds contradict each other."""

    distance: float = option(5.0, help="a distance", at_least=0, above=0)


@attrs.frozen(kw_only=True)
class Dividing(SoundSampler):
    """Divides by its option, which may be zero."""

    distance: float = option(5.0, help="a distance", at_least=0)

    def __attrs_post_init__(self) -> None:
        assert 1 / self.distance


@attrs.frozen(kw_only=True)
class Doubling(SoundSampler):
    """Changes its option when it is made, and once more when it is made again."""

    distance: float = option(5.0, help="a distance", above=0)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "distance", 2 * self.distance)


@attrs.frozen(kw_only=True)
class TracedText(SoundSampler):
    """Wants a text as a tensor."""

    way: str = option("fast", help="the way", traced=True)


@attrs.frozen(kw_only=True)
class TracedMetric(SoundMetric):
    """Wants a number as a tensor where nothing is compiled."""

    order: int = option(2, help="an order", at_least=1, at_most=4, traced=True)


@attrs.frozen(kw_only=True)
class Remembering(SoundMetric):
    """Keeps a file beside its module."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        path = Path(__file__).with_name("remembered.txt")
        path.write_text("", encoding="utf-8")
        path.unlink()
        return SoundMetric.measure(self, evidence)


@attrs.frozen(kw_only=True)
class Delegating(SoundMetric):
    """Lets another process measure."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        subprocess.run([sys.executable, "-S", "-c", "0"], check=True)
        return SoundMetric.measure(self, evidence)


@attrs.frozen(kw_only=True)
class Straying(SoundTracker):
    """Writes elsewhere than into the run."""

    def start(self, run: TrackedRun) -> Any:
        folder = Path(__file__).with_name("strayed")
        folder.mkdir()
        folder.rmdir()
        return SoundTracker.start(self, run)


@attrs.frozen(kw_only=True)
class Asking(SoundMetric):
    """Asks a service."""

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        call_a_closed_port()
        return SoundMetric.measure(self, evidence)


@attrs.frozen(kw_only=True)
class Dialling(SoundTracker):
    """Connects as soon as its options are there."""

    def __attrs_post_init__(self) -> None:
        call_a_closed_port()


def call_a_closed_port() -> None:
    """Try to connect to a port of this machine that is closed."""
    with socket.socket() as caller, suppress(OSError):
        caller.connect(("127.0.0.1", 9))


BROKEN: tuple[tuple[str, type, str], ...] = (
    ("component.registers", Undecorated, "not decorated by attrs.frozen"),
    ("component.registers", Nameless, "cannot have that name"),
    ("component.registers", Demanding, "distance must be chosen"),
    ("component.summary", Silent, "no docstring of its own"),
    ("component.summary", Rambling, "goes on after its first line"),
    ("options.help", Helpless, "'distance' has no help"),
    ("options.round-trip", NoneByName, "way='none' becomes None"),
    ("options.round-trip", Quoting, "text=.* a spec's text"),
    ("component.frozen-random-state", GlobalSampler, "changes the state of random"),
    ("component.frozen-random-state", GlobalTrainer, "changes the state of numpy.random"),
    ("component.frozen-random-state", GlobalMetric, "changes the state of random"),
    ("options.bounds", Boundless, "no bound and no choices"),
    ("options.bounds", Nested, "is beyond the bounds, and taken from"),
    ("options.bounds", Contradicting, "is within at least 0, above 0, and refused from"),
    ("options.bounds", Dividing, "raises ZeroDivisionError"),
    ("options.traced", TracedText, "'way' is traced, and of another type"),
    ("options.traced", TracedMetric, "nothing traces a metric"),
    ("component.restored", Doubling, "distance=10.0 becomes 20.0"),
    ("component.no-writes", Remembering, "it writes .*remembered.txt"),
    ("component.no-writes", Delegating, "it starts "),
    ("component.no-writes", Straying, "it writes .*strayed"),
    ("component.no-network", Asking, "it connects to .*127.0.0.1"),
    ("component.no-network", Dialling, "it connects to .*127.0.0.1"),
)
