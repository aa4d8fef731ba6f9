"""Where the texts of a run are, as its user says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs


@attrs.frozen(kw_only=True)
class Places:
    """Where the user says that the texts of a run are now; empty where nothing was said."""

    corpus: Sequence[str | Path] = ()
    validation: str | Path | None = None
    test: str | Path | None = None

    @property
    def said(self) -> bool:
        """Whether a place was given."""
        return bool(self.corpus or self.validation or self.test)
