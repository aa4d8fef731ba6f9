"""The diagnosis of a run: each trouble with its evidence, advice and the setting to change.

Takes the records of a run and returns what the page shows; knows nothing about how it was found.
"""

from __future__ import annotations

import re

import attrs

from textgen_core.report.fields import Table
from textgen_core.report.records import Records
from textgen_core.report.wording import MISSING, cut

_LONGEST_FINDING = 600  # characters
_LONGEST_SETTING = 120
_QUOTATION = re.compile("“[^”]*”")  # a phrase of a sample, which may be a copy


@attrs.frozen(kw_only=True)
class Finding:
    """A trouble, the figures that show it, what may help, and the setting for that, or ""."""

    trouble: str
    evidence: str
    advice: str
    setting: str


def describe_findings(records: Records, *, excerpts: bool) -> tuple[Finding, ...] | None:
    """Return the diagnosis, or None if the run was not scored; without `excerpts` unquoted."""
    if records.evaluation is None:
        return None
    return tuple(
        Finding(
            trouble=cut(table.text("trouble") or MISSING, _LONGEST_FINDING),
            evidence=cut(_evidence(table, excerpts), _LONGEST_FINDING),
            advice=cut(table.text("advice") or MISSING, _LONGEST_FINDING),
            setting=cut(table.text("setting") or "", _LONGEST_SETTING),
        )
        for table in records.evaluation.tables("diagnosis")
    )


def _evidence(table: Table, excerpts: bool) -> str:
    evidence = table.text("evidence") or MISSING
    return evidence if excerpts else _QUOTATION.sub("“…”", evidence)
