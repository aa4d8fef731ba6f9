"""Two ways of cutting a text into words, and of putting it together again.

Either way a word's token begins with a space, so that a word is the same token wherever it occurs,
a single space costs no token of its own, and no word can be mistaken for a special token.

Regular expressions are Oniguruma's, which the `tokenizers` library uses.
"""

from __future__ import annotations

import unicodedata

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers

LETTERS = r"\p{L}\p{M}\p{N}"  # what words are made of, for the inside of a character class
WORD_JOINER = "\u2060"


def split_words(tokenizer: Tokenizer) -> None:
    """Cut into words, signs and whitespace characters, exactly invertible.

    "Well (said he)" becomes " Well", " (+", " said", " he", ")": where a word follows something
    that is no space, the token before it ends in a word joiner (here +), and the word gets its
    space all the same. A word at the very start of a text needs no joiner. A joiner of the text's
    own is written twice, so that decoding can drop one that a model puts where no word follows.
    """
    joined = f"(?<=[^{LETTERS} ])(?=[{LETTERS}])"
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(WORD_JOINER, 2 * WORD_JOINER + " "),
            normalizers.Replace(Regex(joined), WORD_JOINER + " "),
            normalizers.Replace(Regex(rf"\A(?=[{LETTERS} ])"), " "),
        ]
    )
    word = f" ?[{LETTERS}]+"
    sign = rf" ?[^{LETTERS}\s]{WORD_JOINER}?"
    whitespace = rf"\s{WORD_JOINER}?"
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(f"{word}|{sign}|{whitespace}"), behavior="isolated"
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Fuse(),
            decoders.Replace(Regex(r"\A "), ""),
            decoders.Replace(Regex(f"(?<!{WORD_JOINER}){WORD_JOINER}(?!{WORD_JOINER}) ?"), ""),
            decoders.Replace(Regex(f"{WORD_JOINER}{WORD_JOINER} ?"), WORD_JOINER),
        ]
    )


def split_whitespace(tokenizer: Tokenizer) -> None:
    """Cut at whitespace; a newline is a token of its own, all other whitespace is dropped.

    Decoding puts one space between the words of a line. So it is exact for text whose words are
    separated by single spaces or single newlines, blank lines included; what it does not give
    back: spaces at the start or the end of a line, runs of spaces, tabs and other whitespace.
    """
    tokenizer.normalizer = normalizers.Replace(Regex(r"(?<![\S ])(?=\S)"), " ")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(
        Regex(r" \S+|\n"), behavior="removed", invert=True
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Fuse(), decoders.Replace(Regex(r"(?<![^\n]) "), "")]
    )


def is_whitespace(token: str) -> bool:
    """Return whether a token is a whitespace character, with or without a joiner."""
    return token.removesuffix(WORD_JOINER).isspace()


def forms_of(token: str) -> tuple[str, ...]:
    """Return a token of `split_words` in all its forms; a word has only one.

    A sign may have a space before it and a joiner after it, a whitespace character a joiner. A
    sign that is known in all of them is never lost before a word that it never stood before.
    """
    sign = token.removesuffix(WORD_JOINER)
    if sign.startswith(" ") and len(sign) == 2:
        sign = sign[1]
    if len(sign) != 1 or sign in (" ", WORD_JOINER) or unicodedata.category(sign)[0] in "LMN":
        return (token,)
    if sign.isspace():
        return (sign, sign + WORD_JOINER)
    return (sign, " " + sign, sign + WORD_JOINER, f" {sign}{WORD_JOINER}")
