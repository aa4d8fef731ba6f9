"""What everything in a new plugin is called, worked out from the one name that its author gives.

Bundled plugins are asked for their names; third-party plugins are not imported.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping

import attrs

from textgen_core.errors import UsageError
from textgen_core.registry import CORE, KINDS, discover
from textgen_core.registry.registry import ONLY, same_distribution
from textgen_core.registry.validation import NAME

PREFIX = "textgen-"
LONGEST = 30  # characters of a component's name: longer ones would break lines of the files

_DEVICE = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")

# As the bundled classes are called: NucleusSampler, LSTMBuilder, BPETokenizerTrainer.
_CLASS_ENDINGS: Mapping[str, str] = {
    "tokenizer": "TokenizerTrainer",
    "model": "Builder",
    "sampler": "Sampler",
    "metric": "Metric",
    "tracker": "Tracker",
}


@attrs.frozen(kw_only=True)
class PluginNames:
    """The names of a plugin with one component.

    component: what a person writes, `min-length`; distribution: what pip installs; package: what
    Python imports; module: the file of the component, within the package; class_name: its class.
    """

    kind: str
    component: str
    distribution: str
    package: str
    module: str
    class_name: str

    @property
    def hook(self) -> str:
        """The hook by which textgen asks for components of this kind."""
        return f"textgen_{self.kind}s"

    @property
    def reference(self) -> str:
        """How the conformance kit is told which component to check."""
        return f"{self.distribution}:{self.kind}/{self.component}"


def name_plugin(name: str, kind: str) -> PluginNames:
    """Return the names for `epsilon` or `textgen-epsilon`; raises UsageError if not allowed."""
    if kind not in KINDS:
        raise UsageError(f"--kind cannot be {kind!r}.", f"Allowed: {', '.join(KINDS)}.")
    component = name.removeprefix(PREFIX)
    if len(component) > LONGEST or not NAME.fullmatch(component):
        reason = "Allowed: lower-case letters, digits and single hyphens, a letter first"
        raise _refused(name, f"{reason}, {LONGEST} at most.", _nearest(component), kind)
    names = PluginNames(
        kind=kind,
        component=component,
        distribution=PREFIX + component,
        package=(PREFIX + component).replace("-", "_"),
        module=component.replace("-", "_"),
        class_name=_class_name(component, kind),
    )
    reason = _reason_against(names)
    if reason:
        raise _refused(name, reason, f"my-{component}", kind)
    return names


def _refused(name: str, reason: str, better: str, kind: str) -> UsageError:
    advice = f"Try: textgen plugins new {better} --kind {kind}" if better else ""
    return UsageError(f"A plugin cannot be called {name!r}.", reason, advice)


def _nearest(component: str) -> str:
    """Return the nearest name that is allowed, or an empty string where none is near."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", component).lower())
    near = "-".join(words).lstrip("0123456789-")[:LONGEST].rstrip("-")
    return near if NAME.fullmatch(near) else ""


def _reason_against(names: PluginNames) -> str:
    """Return why a name that is spelt well is taken or would not work, or an empty string."""
    if keyword.iskeyword(names.module):
        return f"{names.module!r} is a word of Python's own, and no module can have that name."
    if _DEVICE.fullmatch(names.module):
        return f"{names.module!r} is a device on Windows, where no module can have that name."
    if names.class_name.startswith("Test"):
        return f"pytest would take its class, {names.class_name}, for a class of tests."
    if names.component in KINDS:
        return f"{names.component!r} is the word for a kind of component."
    bundled = discover({ONLY: CORE})
    packages = {re.split(r"[.:]", each.module)[0] for each in bundled.plugins if each.bundled}
    if same_distribution(names.distribution, CORE) or names.package in packages:
        return f"{names.distribution} would stand in the way of a part of textgen itself."
    if names.component in {each.name for each in bundled.of_kind(names.kind)}:
        return f"{names.component!r} is a {names.kind} that comes with textgen, and keeps its name."
    return ""


def _class_name(component: str, kind: str) -> str:
    """Return `MinLengthSampler` for the sampler `min-length`, and for `min-length-sampler` too."""
    words = component.removesuffix(f"-{kind}").split("-")
    return "".join(word.capitalize() for word in words) + _CLASS_ENDINGS[kind]
