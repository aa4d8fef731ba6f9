"""Which language a text is in, as far as its letters and its smallest words tell.

Enough to choose the abbreviations that end no sentence, and to notice a part in another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from textgen_core.components.words import script_of_most
from textgen_core.corpus.analysis.words import Words

UNKNOWN = "en"  # the rules of English suit a language without abbreviations of its own too
LEAST = 0.04  # share of the words that the small words of a language must be
LEAST_DIFFERENT = 3  # of its small words
OF_SCRIPT = {
    "Han": "zh", "Hiragana": "ja", "Katakana": "ja", "Hangul": "ko", "Arabic": "ar",
    "Hebrew": "he", "Greek": "el", "Devanagari": "hi", "Bengali": "bn", "Tamil": "ta",
    "Telugu": "te", "Kannada": "kn", "Malayalam": "ml", "Gujarati": "gu", "Gurmukhi": "pa",
    "Oriya": "or", "Sinhala": "si", "Thai": "th", "Lao": "lo", "Khmer": "km", "Myanmar": "my",
    "Tibetan": "bo", "Armenian": "hy", "Georgian": "ka", "Ethiopic": "am", "Cyrillic": "ru",
}  # fmt: skip
# The most frequent words, those left out that two of these languages share as frequent ones.
SMALL_WORDS = {
    "Latin": {
        "en": "the of and to is that it was for with you this are be not have from they which his",
        "de": "der die und das ist nicht ein eine zu den mit sich von auf dem für wie auch im ich",
        "fr": "le les et est une dans qui pour pas sur au avec il ne ce des du je vous cette",
        "es": "el los y que las por con una del se su para como más pero lo fue sus al muy",
        "pt": "o os e que não uma com do da em para mais dos das ao foi ele seu são você",
        "it": "il di che è la un non per gli della con sono del si lo nel alla anche dei più",
        "nl": "de het een en van ik niet dat op te zijn voor met die hij aan ook maar wordt naar",
        "sv": "och att det som en på är av för med den till inte jag har ett om han var så",
        "da": "og det at er en på af til den ikke jeg der med for som et har de var han",
        "nb": "og det er en på av til den ikke jeg som med for et har de var han å fra",
        "fi": "ja on ei se että oli hän mutta ovat niin kun mitä minä hänen joka tai myös sen ole",
        "pl": "i w nie na się z jest do to że jak o ale po co był tak za od jego",
        "cs": "a se v na je že to s z do o ale jako jsem byl by tak pro jeho si",
        "hu": "a az és hogy nem is egy van ez meg volt csak de mint még már el ha azt ki",
        "ro": "și în de la nu pe cu că din este se mai care un o pentru sunt fost ca lui",
        "tr": "ve bir bu da de için ne ile çok o ben ama var gibi daha kadar olarak sonra değil",
        "id": "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga saya ke ada oleh",
        "vi": "là và của có không được trong một những cho người đã các với này để khi từ tôi",
        "la": "et in est non ad ut cum sed quod qui ex ab si quae per enim esse sunt atque eius",
    },
    "Cyrillic": {
        "ru": "и в не на что я с он как это по но она так его все же от был только",
        "uk": "і в не на що я з він як це до але вона та його й у від був було",
        "bg": "и на да се не в за от е че с си по като ще но той са до бе",
        "sr": "и је у да се на не за са од су као али то ће сам би што из био",
    },
    "Arabic": {
        "ar": "في من على أن إلى التي عن هذا مع كان ما لا الذي هذه بين كل قد ذلك بعد",
        "fa": "و در به از که این را با است برای آن یک خود تا بر هم نیز شد می ما",
        "ur": "کے میں کی ہے اور سے کا کو اس نے پر کہ ہیں یہ بھی ایک نہیں تھا کر وہ",
    },
    "Devanagari": {
        "hi": "के है में की और से का को ने पर हैं यह कि भी एक नहीं था हो इस कर",
        "mr": "आणि आहे या त्या च्या हे ते व होते तो ही आहेत केले असे होता नाही एक हा",
        "ne": "छ र को मा ले पनि यो भएको गरेको छन् हो थियो लागि गर्न तथा एक",
    },
}  # fmt: skip


def detect_language(scripts: Mapping[str, int], counts: Mapping[str, int]) -> str:
    """Return an ISO 639 code, by the letters of each script and the counts of frequent words."""
    script = script_of_most(scripts)
    return language_of_words(counts, script) or OF_SCRIPT.get(script, UNKNOWN)


def language_of_words(counts: Mapping[str, int], script: str) -> str:
    """Return the language of `script` whose small words are the most frequent; "" if none are."""
    total = sum(counts.values())
    found = {
        language: [times for word in words.split() if (times := counts.get(word, 0))]
        for language, words in SMALL_WORDS.get(script, {}).items()
    }
    best = max(found, key=lambda language: sum(found[language]), default="")
    if not best or len(found[best]) < LEAST_DIFFERENT or sum(found[best]) < LEAST * total:
        return ""
    return best


def languages_in_slices(words: Words, slices: Iterable[np.ndarray], script: str) -> tuple[str, ...]:
    """Return the language of each slice of word ids; "" where its small words do not tell."""
    named = len(words.names)
    known = {word for small in SMALL_WORDS.get(script, {}).values() for word in small.split()}
    places = [place for place, word in enumerate(words.names) if word in known]
    found = []
    for part in slices:
        counted = np.bincount(part[part < named], minlength=named)
        counts = {words.names[place]: int(counted[place]) for place in places}
        counts[""] = len(part) - sum(counts.values())
        found.append(language_of_words(counts, script))
    return tuple(found)
