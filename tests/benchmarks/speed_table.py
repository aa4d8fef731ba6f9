"""From the answers of the contestants to one table with medians, ranges and ratios.

Ratios are taken within a round, where the machine was alike for all, and then the median of them.
This module knows nothing about processes or models.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from text_table import render_table

COLUMNS = (
    "setting",
    "contestant",
    "compiled",
    "compile s",
    "tokens/s, median",
    "lowest to highest",
    "ours is faster by",
    "GFLOP/s",
    "peak GFLOP/s",
    "share of peak",
    "making batches",
)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a contestant did: `speeds` in tokens/s, one for each round; none where it failed."""

    side: str
    name: str
    precision: str
    about: Mapping[str, Any]
    speeds: Sequence[float]
    batch_share: float | None = None
    added: Mapping[str, float] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The median speed; 0 where it failed."""
        return statistics.median(self.speeds) if self.speeds else 0.0


@dataclass(frozen=True, kw_only=True)
class SettingResult:
    """What was measured in one setting; `peaks` in operations per second by precision."""

    setting: str
    operations_per_token: int
    results: Sequence[Result]
    peaks: Mapping[str, float] = field(default_factory=dict)


def best_of(results: Sequence[Result], side: str) -> Result | None:
    """Return the result of a side with the highest median, or None where it has none."""
    done = [each for each in results if each.side == side and each.speeds]
    return max(done, key=lambda each: each.median, default=None)


def ratio(one: Result, other: Result) -> float:
    """Return the median over the rounds of how many times faster `one` was than `other`."""
    return statistics.median(
        mine / theirs for mine, theirs in zip(one.speeds, other.speeds, strict=True)
    )


def batch_share(answers: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the share of the time that went into batches; None where it was not measured."""
    if not answers or "batch_seconds" not in answers[0]:
        return None
    return sum(each["batch_seconds"] for each in answers) / sum(each["seconds"] for each in answers)


def added(answers: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the share of the time that went into what a loop adds to its steps, by name."""
    seconds = sum(each["seconds"] for each in answers)
    names = answers[0].get("added", ()) if answers else ()
    return {name: sum(each["added"][name] for each in answers) / seconds for name in names}


def render(measured: Sequence[SettingResult]) -> str:
    """Return the table, a row for each contestant."""
    rows = [_row(setting, result) for setting in measured for result in setting.results]
    return render_table(COLUMNS, rows)


def summary(measured: Sequence[SettingResult]) -> list[str]:
    """Return a line for each setting and peer: ours at its best against the peer at its best."""
    lines = []
    for each in measured:
        ours = best_of(each.results, "ours")
        for side in dict.fromkeys(result.side for result in each.results if result.side != "ours"):
            peer = best_of(each.results, side)
            if ours is not None and peer is not None:
                if side == "bare":
                    lines.append(_beside_bare(each.setting, ours, each.results))
                    continue
                lines.append(
                    f"{each.setting}: {ours.name} trains {ratio(ours, peer):.2f} times as fast as "
                    f"{peer.name}, the best of {side}"
                )
    return lines


def _beside_bare(setting: str, ours: Result, results: Sequence[Result]) -> str:
    """Return a line on what the loop of a run costs beside the same steps without it."""
    bare = next((each for each in results if each.name == ours.name.replace("ours", "bare")), None)
    if bare is None or not bare.speeds:
        return f"{setting}: the bare loop was not measured"
    shares = ", ".join(f"{name} {share:.1%}" for name, share in ours.added.items())
    return (
        f"{setting}: {ours.name} reaches {ratio(ours, bare):.1%} of the bare steps; beside them it "
        f"spends on {shares}"
    )


def _row(setting: SettingResult, result: Result) -> list[str]:
    if not result.speeds:
        reason = str(result.about.get("failed", "nothing was measured"))
        return [setting.setting, result.name, f"failed: {reason[:60]}", *[""] * 8]
    ours = best_of(setting.results, "ours")
    best = best_of(setting.results, result.side) is result
    operations = result.median * setting.operations_per_token
    peak = setting.peaks.get(result.precision)
    return [
        setting.setting,
        result.name + (" (best)" if best else ""),
        str(result.about.get("compiled_with", "")),
        f"{result.about['compile_seconds']:.1f}",
        f"{result.median:,.0f}",
        f"{min(result.speeds):,.0f} to {max(result.speeds):,.0f}",
        f"{ratio(ours, result):.2f}x" if ours is not None else "",
        f"{operations / 1e9:.0f}",
        f"{peak / 1e9:.0f}" if peak else "",
        f"{operations / peak:.0%}" if peak else "",
        "" if result.batch_share is None else f"{result.batch_share:.2%}",
    ]
