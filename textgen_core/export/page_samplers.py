"""The samplers of a page: all that are installed, each as a program with its options as inputs.

Options that are built into a program are those of the run's own chain, or the default ones.
"""

from __future__ import annotations

from typing import Any

import attrs

from textgen_core.components import Sampler, options_of
from textgen_core.config.chains import choose_samplers
from textgen_core.errors import TextgenError, UsageError
from textgen_core.export.info import describe_sampler
from textgen_core.export.operations import Keep, OperationMissing, read_operations
from textgen_core.formatting import say
from textgen_core.generation.chain import Chain, Link
from textgen_core.pipeline.opened_run import Run
from textgen_core.programs.library import Library
from textgen_core.programs.program import NotConvertible
from textgen_core.registry import ResolvedComponent, discover
from textgen_core.registry.parsing import plain_value

ROOM = 4096  # tokens of a prompt and a text together, where a sampler reads the text


@attrs.frozen(kw_only=True)
class PageSamplers:
    """The samplers for the engine, the same for the page's cards, and what was left out."""

    programs: list[dict[str, Any]]
    cards: list[dict[str, Any]]
    notices: list[str]


def describe_samplers(run: Run, library: Library, keep: Keep) -> PageSamplers:
    """Return the samplers of a run's page.

    Raises NotConvertible or UsageError if one of the run's own chain cannot come along.
    """
    found = PageSamplers(programs=[], cards=[], notices=[])
    own = _by_name(run.samplers())
    for name, chosen in own.items():
        _add(found, name, chosen, library, keep)
    for component in discover().of_kind("sampler"):
        if component.name in own:
            continue
        try:
            (chosen,) = choose_samplers(component.name)
            _add(found, component.name, chosen, library, keep)
        except (NotConvertible, OperationMissing) as error:
            found.notices.append(
                say(
                    "The sampler {name} is not in this file: {why}",
                    name=component.name,
                    why=error.problem,
                )
            )
        except TextgenError:  # an option without a default, two plugins with one name
            continue
    return found


def _by_name(chain: tuple[ResolvedComponent, ...]) -> dict[str, ResolvedComponent]:
    found: dict[str, ResolvedComponent] = {}
    for each in chain:
        if found.setdefault(each.name, each).instance != each.instance:
            raise UsageError(
                f"The run's chain has the sampler {each.name} twice, with different options.",
                "Allowed: each sampler once in the chain of a run that becomes a page.",
            )
    return found


def _add(
    found: PageSamplers, name: str, chosen: ResolvedComponent, library: Library, keep: Keep
) -> None:
    instance = chosen.instance
    (link,) = Chain([instance], [chosen.description], library.reader.tokenizer).links
    program = library.sampler(link, 1, ROOM)
    card, fixed = describe_sampler(chosen.component), _fixed(instance, link)
    described = {
        "name": name,
        "options": card["options"],
        "fixed": fixed,
        "values": link.values_of(instance),
        "program": read_operations(program, f"The sampler {name}", keep),
    }
    kept = [each for each in card["options"] if each["name"] not in fixed]
    told = ", ".join(f"{option}={_told(value)}" for option, value in fixed.items())
    summary = f"{card['summary']} ({told})" if told else card["summary"]
    found.programs.append(described)
    found.cards.append({**card, "options": kept, "summary": summary})


def _fixed(instance: Sampler, link: Link) -> dict[str, Any]:
    """Return the options that are built into a sampler's program."""
    options = options_of(type(instance))
    return {
        each.name: plain_value(getattr(instance, each.name))
        for each in options
        if each.name not in link.dtypes
    }


def _told(value: Any) -> str:
    return "none" if value is None else str(value)
