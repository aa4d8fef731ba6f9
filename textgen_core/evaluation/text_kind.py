"""Whether a text that is not of the run's own corpus can say how good the model is.

One that the model was trained on flatters it; one in another language, or of another kind, says how
far from that text the model is, and no training would change it. Each function returns its evidence
in a sentence or two, or "".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from textgen_core.components.verbatim_overlap import find_verbatim_spans
from textgen_core.components.words import JAPANESE, count_scripts, script_of_most
from textgen_core.corpus import iterate_pieces
from textgen_core.corpus.analysis.languages import language_of_words
from textgen_core.corpus.text import word_pattern
from textgen_core.evaluation.evidence import TrainingData, TrainingText
from textgen_core.formatting import Sentence, printable

# Shares at which a figure becomes a finding; each finding states its evidence.
_SEEN = 0.5  # of the text, verbatim in the training text
_UNSEEN = 0.05  # of its characters, or tokens, not in the training text
_DEARER = 1.5  # times the bits per byte of the run's validation text

_LOOKED_AT = 1_000_000  # characters of the text
_OF_TRAINING = 5_000_000  # characters of the training text whose language and letters are counted
_SPANS, _SPAN = 20, 1000  # of the text, in characters, that are looked for in the training text
_VERBATIM = 50  # characters of a span that counts: no turn of phrase is as long
_SHOWN = 5  # characters that are named
_NAMES = {JAPANESE[0]: "Japanese"}


def find_seen(documents: Sequence[str], training: TrainingData) -> str:
    """Find a text that the model was trained on."""
    share = share_seen(documents, training.documents)
    if share < _SEEN:
        return ""
    return Sentence(
        "{percent:.0f} % of this text stands in the training text, word for word: its figures are "
        "those of what the model has seen, and say nothing of new text.",
        percent=100 * share,
    )


def share_seen(documents: Sequence[str], trained_on: Sequence[str], spans: int = _SPANS) -> float:
    """Return how much of a text stands in the training text, in stretches of 50 characters or more.

    spans: how many places of the text, of 1,000 characters each, are looked for. 0 where there is
    nothing to look for, or to look in.
    """
    text = _beginning(documents, _LOOKED_AT)
    looked_for = [text[start : start + _SPAN] for start in _starts(len(text), spans)]
    size = sum(map(len, looked_for))
    if not trained_on or size < _VERBATIM:
        return 0.0
    found = find_verbatim_spans(looked_for, TrainingText(trained_on).pieces(), _VERBATIM)
    return sum(_covered(copied) for copied in found) / size


def find_other_kind(
    documents: Sequence[str],
    training: TrainingData,
    *,
    bits_per_byte: float,
    unknown: float,
) -> str:
    """Find a text in another language or script, of other characters, or that costs far more.

    unknown: the share of its tokens that the tokenizer does not know.
    """
    evidence: list[Sentence] = []
    if training.documents:
        text = Counter(_beginning(documents, _LOOKED_AT))
        known = Counter(_beginning(training.documents, _OF_TRAINING))
        evidence += _other_language(documents, text, training.documents, known)
        evidence += _other_characters(text, known)
    if not evidence and unknown > _UNSEEN:
        evidence.append(
            Sentence(
                "{percent:.1f} % of its tokens are unknown to the tokenizer.",
                percent=100 * unknown,
            )
        )
    usual = min(
        (row["validation_bits_per_byte"] for row in training.rows if _has_bits(row)), default=None
    )
    if usual is not None and (evidence or bits_per_byte > _DEARER * usual):
        evidence.append(
            Sentence(
                "It costs {bits:.2f} bits per byte; the run's validation text cost {usual:.2f}.",
                bits=bits_per_byte,
                usual=usual,
            )
        )
    return Sentence.joined(evidence)


def _other_language(
    documents: Sequence[str], text: Counter[str], training: Sequence[str], known: Counter[str]
) -> Iterator[Sentence]:
    own, usual = (script_of_most(count_scripts(counts)) for counts in (text, known))
    if own and usual and own != usual:
        names = [_NAMES.get(script, script) for script in (own, usual)]
        yield Sentence(
            "The text is in another script ({own}) than the training text ({usual}).",
            **dict(zip(("own", "usual"), names, strict=True)),
        )
        return
    own, usual = (_language(each, usual) for each in (documents, training))
    if own and usual and own != usual:
        yield Sentence(
            "The text is in another language ({own}) than the training text ({usual}).",
            own=own,
            usual=usual,
        )


def _other_characters(text: Counter[str], known: Counter[str]) -> Iterator[Sentence]:
    counted = [(char, times) for char, times in text.most_common() if not char.isspace()]
    unseen = [(char, times) for char, times in counted if char not in known]
    share = sum(times for _, times in unseen) / max(1, sum(times for _, times in counted))
    if share > _UNSEEN:
        shown = " ".join(printable(char) for char, _ in unseen[:_SHOWN])
        yield Sentence(
            "{percent:.1f} % of its characters do not occur in training, such as “{shown}”.",
            percent=100 * share,
            shown=shown,
        )


def _language(documents: Sequence[str], script: str) -> str:
    words = word_pattern().findall(_beginning(documents, _LOOKED_AT))
    return language_of_words(Counter(words), script)


def _beginning(documents: Sequence[str], size: int) -> str:
    """Return the first characters of some documents, about so many."""
    taken: list[str] = []
    left = size
    for text, _ in iterate_pieces(documents):
        taken.append(text[:left])
        left -= len(text)
        if left <= 0:
            break
    return "\n".join(taken)


def _starts(size: int, spans: int) -> range:
    """Return where spans of a text of this size begin: of all of it, or at even distances."""
    return range(0, size, max(_SPAN, -(-size // spans)))


def _covered(spans: Sequence[tuple[int, int]]) -> int:
    """Return how many characters lie in one of some spans, which come in order."""
    covered, reached = 0, 0
    for start, stop in spans:
        covered += max(0, stop - max(start, reached))
        reached = max(reached, stop)
    return covered


def _has_bits(row: object) -> bool:
    return isinstance(row, dict) and isinstance(row.get("validation_bits_per_byte"), float)
