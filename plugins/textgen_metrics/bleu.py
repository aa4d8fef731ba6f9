"""BLEU of continuations against the held-out text that really followed, by sacrebleu.

One reference says little about a free continuation: compare runs on the same text by it, and do not
read it as a grade.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import attrs

from textgen_core import Evidence, Figure, Metric, option
from textgen_metrics.words import UNSPACED


@attrs.frozen(kw_only=True)
class BleuMetric(Metric):
    """Corpus BLEU of the continuations against what really followed (Papineni et al. 2002)."""

    max_order: int = option(4, help="the longest n-grams compared", at_least=1, at_most=10)
    lowercase: bool = option(False, help="compare without regard to letter case")
    tokenize: Literal["auto", "13a", "intl", "char", "zh", "none"] = option(
        "auto",
        help="sacrebleu's tokenizer; auto: zh for Chinese, char for other scripts without spaces, "
        "else 13a",
    )
    smoothing: Literal["exp", "floor", "add-k", "none"] = option(
        "exp", help="sacrebleu's smoothing of n-gram orders without a match"
    )

    figures: ClassVar[Mapping[str, Figure]] = {
        "bleu": Figure(
            "higher",
            0.0,
            100.0,
            help="corpus BLEU, 0 to 100; with the default options sacrebleu's signature is "
            "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp, with another tokenizer for scripts "
            "without spaces",
        ),
    }

    def measure(self, evidence: Evidence) -> Mapping[str, float]:
        """Return sacrebleu's corpus score; NaN if there is no sample.

        An empty sample counts: the model ended the text there, and pays for brevity.
        Raises ValueError unless there is one reference for each sample.
        """
        samples, references = list(evidence.samples), list(evidence.references)
        if len(samples) != len(references):  # sacrebleu would leave out the surplus
            raise ValueError(f"{len(samples)} samples and {len(references)} references")
        if not samples:
            return {"bleu": math.nan}
        score = self._scorer(evidence).corpus_score(samples, [references])
        return {"bleu": min(float(score.score), 100.0)}  # rounding may leave it just above

    def signature(self, evidence: Evidence | None = None) -> str:
        """Return sacrebleu's signature of these options, to be quoted beside the score."""
        scorer = self._scorer(evidence)
        scorer.num_refs = 1
        return str(scorer.get_signature())

    def _scorer(self, evidence: Evidence | None) -> Any:
        from sacrebleu.metrics import BLEU

        tokenizer: str = self.tokenize
        if tokenizer == "auto":
            tokenizer = _tokenizer_of("" if evidence is None else evidence.script)
        return BLEU(
            lowercase=self.lowercase,
            force=True,  # generated text may well look tokenized: no warning on the terminal
            tokenize=tokenizer,
            smooth_method=self.smoothing,
            max_ngram_order=self.max_order,
        )


def _tokenizer_of(script: str) -> str:
    """Return sacrebleu's tokenizer for a script; those of Japanese and Korean need a dictionary."""
    if script == "Han":
        return "zh"
    return "char" if script in UNSPACED else "13a"
