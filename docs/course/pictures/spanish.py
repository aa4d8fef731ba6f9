"""The Spanish words of the pictures. What is not here is a word of the corpus, and stays."""

from __future__ import annotations

SPANISH = {
    "rank": "rango",
    "occurrences": "apariciones",
    "words": "palabras",
    "sentences": "oraciones",
    "Frequency of words over their rank": "Frecuencia de las palabras según su rango",
    "Lengths of sentences in words": "Longitud de las oraciones en palabras",
    "The words that mark the book": "Las palabras que caracterizan el libro",
}


def to_spanish(words: str) -> str:
    """Return the Spanish of some English words of a picture; raises KeyError if it is missing."""
    return SPANISH[words]
