"""Which components there are, who provides each, and which one a request means.

Importing the package imports no plugin; `discover` imports them, each on its own.
"""

from textgen_core.registry.discovery import discover
from textgen_core.registry.registry import CORE, KINDS, Component, Plugin, Registry
from textgen_core.registry.selection import ResolvedComponent, choose, choose_all

__all__ = [
    "CORE",
    "KINDS",
    "Component",
    "Plugin",
    "Registry",
    "ResolvedComponent",
    "choose",
    "choose_all",
    "discover",
]
