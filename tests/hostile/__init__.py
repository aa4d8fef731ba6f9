"""The variants of a good run that a stranger, a bad disk or an editor might make of it."""

from hostile import damaged_tensors, damaged_texts, links, others, printed, sizes  # noqa: F401  (each module adds its own to VARIANTS)
from hostile.changes import NEWEST, OLDER, VARIANTS, Variant

__all__ = ["NEWEST", "OLDER", "VARIANTS", "Variant"]
