"""A plugin package written for its author: small, complete, and passing its own tests.

    textgen plugins new epsilon --kind sampler

`names` decides what everything is called; `writing` fills `templates/`, one for each kind.
"""

from __future__ import annotations

from textgen_core.scaffold.names import PluginNames, name_plugin
from textgen_core.scaffold.writing import write_plugin

__all__ = ["PluginNames", "name_plugin", "write_plugin"]
