"""Amounts of memory in words. This module knows nothing about what is measured."""

from __future__ import annotations


def size_in_words(size: float) -> str:
    """Return a number of bytes in words."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
