"""Distributions on disk as an installer leaves them, and what discovery makes of them."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import dedent

from textgen_core.registry.discovery import load_entry_points
from textgen_core.registry.registry import Plugin, Registry

SAMPLER = dedent(
    """
    import attrs
    from textgen_core import Sampler, hookimpl, option

    @attrs.frozen
    class Own(Sampler):
        '''Does nothing.'''
        p: float = option(0.5, help="a share", above=0, below=1)

        def transform(self, logits, history):
            return logits

    @hookimpl
    def textgen_samplers():
        return {"NAME": Own}
    """
)


def sampler_source(name: str) -> str:
    """Return a plugin module that offers one sampler."""
    return SAMPLER.replace("NAME", name)


def only(registry: Registry) -> Plugin:
    """Return the one plugin of a registry that has no other."""
    (plugin,) = registry.plugins
    return plugin


class Site:
    """A folder on the path with distributions: `name-version.dist-info` beside their modules."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._modules: list[str] = []

    def add(
        self,
        distribution: str,
        source: str,
        *,
        version: str = "1.0",
        module: str = "",
        entry_points: Mapping[str, str] | None = None,
        requires: Sequence[str] = (),
    ) -> str:
        """Write a distribution of one module, and return the module's name."""
        module = module or f"fake_{distribution.replace('-', '_').replace('.', '_')}"
        (self.folder / f"{module}.py").write_text(dedent(source), encoding="utf-8")
        self._modules.append(module)
        lines = [f"{key} = {value}" for key, value in (entry_points or {"main": module}).items()]
        written = "\n".join(["[textgen]", *lines, ""])
        self.add_metadata(distribution, written, version=version, requires=requires)
        return module

    def add_metadata(
        self,
        distribution: str,
        entry_points: str,
        *,
        version: str = "1.0",
        requires: Sequence[str] = (),
    ) -> Path:
        """Write the metadata of a distribution alone, and return its folder."""
        folder = self.folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        text = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
        text += "".join(f"Requires-Dist: {each}\n" for each in requires)
        (folder / "METADATA").write_text(text, encoding="utf-8")
        (folder / "entry_points.txt").write_text(entry_points, encoding="utf-8")
        return folder

    def registry(self, **environment: str) -> Registry:
        """Return what discovery makes of this folder's distributions, and of no others."""
        found = importlib.metadata.distributions(path=[str(self.folder)])
        entry_points = [each for one in found for each in one.entry_points]
        return load_entry_points(sorted(entry_points, key=lambda each: each.name), environment)

    def imported(self) -> list[str]:
        """Return the modules of this folder that were imported."""
        return [each for each in self._modules if each in sys.modules]

    def forget(self) -> None:
        """Take the modules of this folder out of the process."""
        for each in self.imported():
            del sys.modules[each]
