"""The IPython around this process, if there is one: it is looked for, and never imported."""

from __future__ import annotations

import sys
from typing import Any


def find_shell() -> Any:
    """Return the interactive shell, or None outside of IPython."""
    module = sys.modules.get("IPython")
    return module.get_ipython() if module is not None and hasattr(module, "display") else None


def cell_number() -> int | None:
    """Return the number of the cell that is being executed; None outside of IPython."""
    number = getattr(find_shell(), "execution_count", None)
    return number if isinstance(number, int) else None
