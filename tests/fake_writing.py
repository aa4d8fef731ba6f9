"""A run that writes what its seed says, at once: for tests of what is made of that."""

from __future__ import annotations

from types import SimpleNamespace

import attrs

from textgen_core.errors import ComponentError, PluginFailure


class FakePieces:
    """The pieces ` S`, then `a.`, after a prompt with its capitals lowered; S is the seed."""

    def __init__(self, run, prompt, seed, stopped_by="length"):
        self.prompts = (prompt.lower(),)
        self.notes = ("Lowered.",) if prompt != prompt.lower() else ()
        self.unknown_characters = ("Ж",) if "ж" in prompt.lower() else ()
        texts = [] if stopped_by != "length" else [f" {seed}", "", "a."]
        self._texts = iter(texts)
        self._run, self._stopped_by = run, stopped_by

    def __iter__(self):
        return self

    def __next__(self):
        text = next(self._texts)
        if text and self._run.breaks_at == text:
            raise self._run.breaks_with
        return SimpleNamespace(text=text)

    def generation(self):
        return SimpleNamespace(samples=(SimpleNamespace(stopped_by=self._stopped_by),))


@attrs.define
class FakeRun:
    """Stands for a Run. `breaks_at`: the piece in whose place `breaks_with` is raised."""

    asked: list = attrs.field(factory=list)  # (prompt, samplers, length, seed, stop) of each turn
    breaks_at: str = ""
    breaks_with: BaseException = attrs.field(factory=lambda: PluginFailure("It broke."))
    ends_with: str = "length"
    context_length: int = 8

    @property
    def configuration(self):
        return SimpleNamespace(data=SimpleNamespace(sequence_length=self.context_length))

    def samplers(self, request):
        specs = ["own"] if request is None else request
        if "bad" in specs:
            raise ComponentError("There is no sampler 'bad'.", "Allowed: own.")
        return tuple(SimpleNamespace(label=spec) for spec in specs)

    def stream(self, prompts, *, sampler, max_new_tokens, seed, stop):
        (prompt,) = prompts
        labels = [each.label for each in sampler]
        if labels == ["fails"]:
            raise PluginFailure("The sampler 'fails' failed.")
        self.asked.append((prompt, labels, max_new_tokens, seed, list(stop)))
        return FakePieces(self, prompt, seed, self.ends_with)
