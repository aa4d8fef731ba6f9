"""A study in words, from the values of its JSON: what it came to, and what its trials are called.

They are in the reader's language; names of options and values stay as they are written in specs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from statistics import mean
from typing import Any

import attrs

from textgen_core.formatting import format_duration, format_list, say, shell_word
from textgen_core.report.wording import cut, show_count, show_figure

Values = Mapping[str, Any]

RECIPE = 0  # the number of the configuration that is the recipe as it is
_LONGEST_NAME = 40  # characters
_DIGITS = 3  # of bits per byte
_TOLD = 10  # configurations in a terminal


@attrs.frozen(kw_only=True)
class Scored:
    """A configuration at one budget: its mean score over seeds, and the first of its trials."""

    configuration: int
    rung: int
    values: Values
    score: float
    seeds: int
    trial: Values


def tell_tuning(values: Values) -> Iterator[str]:
    """Yield the lines of a study: what it came to, the best configurations, and what to do next."""
    yield from tell_verdict(values)
    yield ""
    ranked = best_first(values)
    headings = headings_of(values["dimensions"])
    for each in ranked[:_TOLD]:
        chosen = (f"{headings.get(k, k)} {value_words(v)}" for k, v in each.values.items())
        name, budget = name_of(each.configuration), budget_words(values["budgets"][each.rung])
        yield f"{name:<12}  {budget:>10}  {each.score:.3f}  {', '.join(chosen)}".rstrip()
    if ranked:
        yield ""
    yield from (f"{what} {command}" for what, command in commands_of(values))


def commands_of(values: Values) -> list[tuple[str, str]]:
    """Return what can be done next, and the command for it."""
    verdict = values["verdict"]
    if verdict is None:
        return [(say("Resume the search:"), values["go_on"])]
    corpus = [shell_word(str(each)) for each in values["request"].get("corpus") or ()]
    train = " ".join(["textgen run", *corpus, "--config", shell_word(verdict["toml"])])
    write = f"textgen generate {shell_word(verdict['directory'])}"
    if verdict["winner"]["is_recipe"]:
        return [(say("Generate with the recipe's run:"), write)]
    return [
        (say("Generate with the winner:"), write),
        (say("Train with the winner's settings:"), train),
    ]


def best_first(values: Values) -> list[Scored]:
    """Return each configuration at each of its budgets: the longest first, then the best."""
    grouped: dict[tuple[int, int], list[Values]] = defaultdict(list)
    for each in scored_trials(values):
        grouped[each["rung"], each["configuration"]].append(each)
    found = [
        Scored(
            configuration=configuration,
            rung=rung,
            values=trials[0]["values"],
            score=mean(each["score"] for each in trials),
            seeds=len(trials),
            trial=trials[0],
        )
        for (rung, configuration), trials in grouped.items()
    ]
    return sorted(found, key=lambda each: (-each.rung, each.score))


def tell_verdict(values: Values) -> Iterator[str]:
    """Yield what a study came to: its winner against the recipe, or the best so far."""
    verdict = values["verdict"]
    if verdict is None:
        yield from _tell_standing(values)
        return
    score, seeds = show_figure(verdict["winner"]["mean"], _DIGITS), verdict["winner"]["counted"]
    if verdict["winner"]["is_recipe"]:
        yield say(
            "No settings were found that are better than the recipe as it is: {score} bits per "
            "byte, a mean over seeds ({seeds}).",
            score=score,
            seeds=seeds,
        )
    elif verdict["recipe"] is None:
        yield say(
            "The winner has {score} bits per byte, a mean over seeds ({seeds}). The recipe as it "
            "is could not be trained.",
            score=score,
            seeds=seeds,
        )
    else:
        yield _told_difference(verdict, score)
        yield _told_chance(verdict)
    yield from _tell_test(values)


def _told_difference(verdict: Values, score: str) -> str:
    told = {
        "score": score,
        "recipe": show_figure(verdict["recipe"]["mean"], _DIGITS),
        "difference": show_figure(verdict["difference"], _DIGITS),
    }
    if verdict["is_tie"]:
        return say(
            "A tie: the winner has {score} bits per byte and the recipe as it is {recipe}, but the "
            "difference of {difference} may be chance.",
            **told,
        )
    return say(
        "The winner beats the recipe as it is by {difference} bits per byte: {score} in place of "
        "{recipe}.",
        **told,
    )


def _told_chance(verdict: Values) -> str:
    return say(
        "Both are means over seeds: {winner} of the winner, {recipe} of the recipe. The "
        "difference has a standard deviation of {deviation}: beyond twice that it is not chance.",
        winner=verdict["winner"]["counted"],
        recipe=verdict["recipe"]["counted"],
        deviation=show_figure(verdict["deviation"], _DIGITS),
    )


def _tell_test(values: Values) -> Iterator[str]:
    verdict = values["verdict"]
    if verdict["test_bits_per_byte"] is None:
        return
    score = show_figure(verdict["test_bits_per_byte"], _DIGITS)
    difference = verdict["test_difference"]
    if verdict["winner"]["is_recipe"]:
        yield say(
            "On the test text, which was read once, the recipe has {score} bits per byte.",
            score=score,
        )
        return
    if difference is None:
        yield say(
            "On the test text, which was read once, the winner has {score} bits per byte.",
            score=score,
        )
        return
    told = {"score": score, "recipe": show_figure(verdict["recipe_test_bits_per_byte"], _DIGITS)}
    if verdict["is_contradicted"]:
        yield say(
            "On the test text, which was read once, the recipe is better: {recipe} bits per byte, "
            "and the winner {score}. What suits the validation text may not suit other text: the "
            "recipe is the safer choice.",
            **told,
        )
    elif difference > 2 * verdict["test_deviation"]:
        yield say(
            "On the test text, which was read once, the winner is better: {score} bits per byte "
            "in place of {recipe}.",
            **told,
        )
    else:
        yield say(
            "On the test text, which was read once, the winner has {score} bits per byte and the "
            "recipe {recipe}: that may be chance.",
            **told,
        )


def _tell_standing(values: Values) -> Iterator[str]:
    """Yield how far an unfinished study is, and the best of the longest trainings so far."""
    scored = scored_trials(values)
    if not scored:
        yield say("No trial has been scored yet.")
        return
    rung = max(each["rung"] for each in scored)
    best = min((each for each in scored if each["rung"] == rung), key=lambda each: each["score"])
    yield say(
        "Not finished. The best so far: {name}, with {score} bits per byte after {budget}.",
        name=name_of(best["configuration"]),
        score=show_figure(best["score"], _DIGITS),
        budget=budget_words(values["budgets"][rung]),
    )


def scored_trials(values: Values) -> list[Values]:
    """Return the trials that have a score."""
    return [each for each in values["trials"] if each["score"] is not None]


def title_of(values: Values) -> str:
    """Return what a study is called: the names of its texts."""
    corpus = [str(each) for each in values["request"].get("corpus") or ()]
    if not corpus:
        return say("Search on the built-in text")
    names = [cut(PurePath(each).name or each, _LONGEST_NAME) for each in corpus[:3]]
    shown = format_list(names) if len(corpus) <= len(names) else f"{names[0]}, …"
    return say("Search on {names}", names=shown)


def summary_of(values: Values) -> str:
    """Return how much was tried, and in which time."""
    tried = {each["configuration"] for each in values["trials"]} - {RECIPE}
    spent = format_duration(values["seconds"])
    if values["of_seconds"] is not None:
        spent = say("{spent} of {whole}", spent=spent, whole=format_duration(values["of_seconds"]))
    return say(
        "{configurations} configurations beside the recipe, {trainings} trainings, {spent}",
        configurations=len(tried),
        trainings=len(values["trials"]),
        spent=spent,
    )


def name_of(configuration: int) -> str:
    """Return what a configuration is called."""
    if configuration == RECIPE:
        return say("the recipe")
    return say("no. {number}", number=configuration)


def finalist_name(configuration: int, verdict: Values | None) -> str:
    """Return what a configuration is called, and whether it is the winner."""
    name = name_of(configuration)
    if verdict is None or verdict["winner"]["configuration"] != configuration:
        return name
    return say("{name}, the winner", name=name)


def budget_words(budget: Values) -> str:
    """Return how long a training is."""
    if (minutes := budget.get("minutes")) is not None:
        return format_duration(60 * minutes)
    if (steps := budget.get("steps")) is not None:
        return say("1 step") if steps == 1 else say("{steps} steps", steps=show_count(steps))
    if budget["epochs"] == 1:
        return say("1 epoch")
    return say("{epochs} epochs", epochs=show_count(budget["epochs"]))


def headings_of(dimensions: Sequence[Values]) -> dict[str, str]:
    """Return the shortest name of each dimension, by its key: that of the option, if it is one."""
    options = {each["key"]: each["key"].rpartition(".")[2] for each in dimensions}
    counted = Counter(options.values())
    owners = {each["key"]: each["of"].partition("/")[2] for each in dimensions}
    return {
        key: option if counted[option] == 1 or not owners[key] else f"{owners[key]} {option}"
        for key, option in options.items()
    }


def value_words(value: Any) -> str:
    """Return a value as a spec has it, with three digits."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(map(value_words, value))
    return f"{value:.3g}" if isinstance(value, float) else str(value)
