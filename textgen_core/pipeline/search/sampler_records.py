"""What tuning samplers on a run came to, as plain values: a table, TOML and JSON."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from textgen_core.evaluation.resemblance import Resemblance
from textgen_core.formatting import format_count, shell_word
from textgen_core.registry import ResolvedComponent

Chain = tuple[ResolvedComponent, ...]

TUNED, OWN, PLAIN = "tuned", "the run's own", "temperature 1"  # names of checked chains
# What a table shows of a text beside the distance: heading, figure, and how it is written.
_COLUMNS = (
    ("repeats", "rep_2", "{:.1%}"),
    ("distinct", "distinct_2", "{:.1%}"),
    ("Zipf", "zipf", "{:.2f}"),
    ("sentence", "sentence_ends", ""),
    ("new words", "new_words", "{:.1%}"),
    ("new pairs", "new_pairs", "{:.1%}"),
)


@attrs.frozen(kw_only=True)
class SamplerTrial:
    """A chain that was tried, with what was chosen; no resemblance if it failed, but the reason."""

    number: int
    values: Mapping[str, Any]
    samplers: Chain = ()
    resemblance: Resemblance | None = None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "number": self.number,
            "samplers": labels_of(self.samplers),
            "values": dict(self.values),
            **({"reason": self.reason} if self.resemblance is None else plain(self.resemblance)),
        }


@attrs.frozen(kw_only=True)
class CheckedChain:
    """A chain, as checked on text that was not used for choosing: by seed, with some texts.

    name: what it is to the reader, such as `tuned`.
    """

    name: str
    samplers: Chain
    by_seed: Mapping[int, Resemblance]
    texts: tuple[str, ...]

    @property
    def title(self) -> str:
        """Its name, and its samplers where the name does not say them."""
        chain = label_of(self.samplers)
        return f"{self.name}: {chain}" if self.name in (TUNED, OWN) else self.name

    @property
    def distance(self) -> float:
        """The mean over the seeds."""
        return statistics.fmean(each.distance for each in self.by_seed.values())

    def under(self, seed: int) -> float | None:
        """Return its distance under a seed, None if it has none; that of its only one otherwise."""
        found = self.by_seed.get(seed)
        if found is None and len(self.by_seed) == 1:
            (found,) = self.by_seed.values()
        return None if found is None else found.distance

    @property
    def figures(self) -> dict[str, float]:
        """The figures of its texts, means over the seeds."""
        found = [each.figures for each in self.by_seed.values()]
        return {name: statistics.fmean(each[name] for each in found) for name in found[0]}

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "samplers": labels_of(self.samplers),
            "distance": self.distance,
            "figures": self.figures,
            "by_seed": {str(seed): plain(each) for seed, each in self.by_seed.items()},
            "texts": list(self.texts),
        }


@attrs.frozen(kw_only=True)
class SamplerTuning:
    """Samplers tuned on a run towards held-out text.

    text: what that is called. characters: of each text that was written. real: the figures of the
    held-out text that chains are checked by; real_distance: how far it is from the other half.
    checked: the tuned chain first, then the run's own, then others to compare with. prompts,
    references: of the texts that each checked chain has, in their order. seconds: what it took.
    """

    run: Path
    text: str
    characters: int
    seed: int
    trials: tuple[SamplerTrial, ...]
    checked: tuple[CheckedChain, ...]
    real: Mapping[str, float]
    real_distance: float
    prompts: tuple[str, ...]
    references: tuple[str, ...]
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def samplers(self) -> Chain:
        """The tuned chain."""
        return self.checked[0].samplers

    @property
    def tables(self) -> list[dict[str, Any]]:
        """The tuned chain as the `samplers` of a configuration file."""
        return [each.as_table() for each in self.samplers]

    @property
    def difference(self) -> tuple[float, float | None]:
        """By how much the tuned chain is nearer than the run's own, and its standard deviation.

        Seed by seed: both wrote after the same prompts with the same random numbers. A chain that
        draws none, such as greedy, wrote once, and would have written that under any seed. With
        one seed of both nothing says how much seeds differ: None.
        """
        tuned, own = self.checked[:2]
        seeds = [*tuned.by_seed, *(seed for seed in own.by_seed if seed not in tuned.by_seed)]
        pairs = [(own.under(seed), tuned.under(seed)) for seed in seeds]
        nearer = [one - other for one, other in pairs if one is not None and other is not None]
        return statistics.fmean(nearer), statistics.stdev(nearer) if len(nearer) > 1 else None

    @property
    def is_tie(self) -> bool:
        """Whether the difference may be chance: it is not above two standard deviations."""
        mean, deviation = self.difference
        return deviation is None or mean <= 2 * deviation

    @property
    def command(self) -> str:
        """What writes with the tuned chain."""
        chain = "".join(f" --sampler {shell_word(each)}" for each in labels_of(self.samplers))
        return f"textgen generate {shell_word(self.run)}{chain or ' --sampler temperature:1'}"

    @property
    def toml(self) -> str:
        """The tuned chain as TOML, for `textgen run --config`."""
        import tomli_w

        return tomli_w.dumps({"samplers": self.tables})

    @property
    def sentences(self) -> list[str]:
        """What it comes to, in words."""
        tuned, own = self.checked[:2]
        if labels_of(tuned.samplers) == labels_of(own.samplers):
            return [f"Nothing that was tried is nearer to real text than {label_of(own.samplers)}."]
        mean, deviation = self.difference
        seeds = format_count(max(len(tuned.by_seed), len(own.by_seed)), "seed")
        spread = f" with {seeds}" if deviation is None else f" ± {deviation:.2f} over {seeds}"
        verb = "is nearer" if not self.is_tie else "is no nearer" if mean <= 0 else "may be nearer"
        return [
            f"{label_of(tuned.samplers)} {verb} to real text than the run's own, "
            f"{label_of(own.samplers)}.",
            f"The distance is {tuned.distance:.2f} against {own.distance:.2f}, on other text than "
            f"it was chosen by: a difference of {mean:.2f}{spread}"
            f"{', a tie' if self.is_tie else ''}.",
        ]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        mean, deviation = self.difference
        return {
            "run": str(self.run),
            "text": self.text,
            "characters": self.characters,
            "seed": self.seed,
            "samplers": self.tables,
            "difference": mean,
            "deviation": deviation,
            "is_tie": self.is_tie,
            "sentences": self.sentences,
            "checked": [each.as_json() for each in self.checked],
            "real": {"distance": self.real_distance, "figures": dict(self.real)},
            "prompts": list(self.prompts),
            "references": list(self.references),
            "trials": [each.as_json() for each in self.trials],
            "seconds": self.seconds,
            "notes": list(self.notes),
            "command": self.command,
        }

    def __str__(self) -> str:
        return "\n".join([*self.sentences, "", *self.table()])

    __repr__ = __str__

    def table(self) -> Iterator[str]:
        """Yield the lines of a table: each checked chain, and the real text."""
        rows = [["", "distance", *(heading for heading, _, _ in _COLUMNS)]]
        for each in self.checked:
            rows.append(_row(each.name, each.distance, each.figures))
        rows.append(_row("real text", self.real_distance, self.real))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            yield "  ".join(cells).rstrip()


def label_of(samplers: Sequence[ResolvedComponent]) -> str:
    """Return a chain in a few words: its specs, one after the other."""
    return " ".join(labels_of(samplers)) or PLAIN


def labels_of(samplers: Sequence[ResolvedComponent]) -> list[str]:
    """Return the specs of a chain; the first option of each is named even where it is usual."""
    return [attrs.evolve(each, named=tuple(each.options)[:1]).label for each in samplers]


def plain(resemblance: Resemblance) -> dict[str, Any]:
    """Return a resemblance as plain values."""
    return {
        "distance": resemblance.distance,
        "sides": dict(resemblance.sides),
        "figures": dict(resemblance.figures),
    }


def _row(name: str, distance: float, figures: Mapping[str, float]) -> list[str]:
    return [name, f"{distance:.2f}", *(_cell(figures[key], how) for _, key, how in _COLUMNS)]


def _cell(value: float, how: str) -> str:
    if how:
        return how.format(value)
    return f"{1 / value:.1f}" if value else "-"  # ends for a word as words for an end
