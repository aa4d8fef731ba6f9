"""Which encoding some bytes look like: by their pattern, or by what charset-normalizer says.

A guess is only ever offered or noted, never taken in silence. This module knows nothing about
files.
"""

from __future__ import annotations

import codecs

# UTF-32 comes first: its little-endian mark begins like that of UTF-16.
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# In Western text most units of a wide encoding hold one byte and NULs: where the NULs stand.
WIDE_PATTERNS = (
    ("utf-32-le", (False, True, True, True)),
    ("utf-32-be", (True, True, True, False)),
    ("utf-16-le", (False, True)),
    ("utf-16-be", (True, False)),
)
MOST_ARE_NUL, FEW_ARE_NUL = 0.4, 0.05
# What texts lie around in, the likelier first. Of what is left out, each is nearly one of these, or
# found nowhere.
CANDIDATES = (
    *("utf_8", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("koi8_r", "cp866", "iso8859_2", "iso8859_5", "mac_roman", "cp437", "cp850"),
    *("gb18030", "big5", "cp932", "euc_jp", "iso2022_jp", "euc_kr"),
)


def marked_encoding(head: bytes) -> str:
    """Return the wide encoding whose byte order mark `head` begins with, or nothing."""
    return next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), "")


def unmarked_encoding(head: bytes) -> str:
    """Return the wide encoding that `head` looks like by where its NULs stand, or nothing."""
    for encoding, pattern in WIDE_PATTERNS:
        units = len(head) // len(pattern)
        nuls = [head[place :: len(pattern)].count(0) for place in range(len(pattern))]
        if units and all(
            count > MOST_ARE_NUL * units if is_nul else count < FEW_ARE_NUL * units
            for count, is_nul in zip(nuls, pattern, strict=True)
        ):
            return encoding
    return ""


def guess_encoding(sample: bytes) -> str:
    """Return the encoding that `sample`, at most some 100 KB, is most likely in, or nothing.

    Of those that fit equally well it is the likeliest.
    """
    from charset_normalizer import from_bytes  # takes a tenth of a second, and is rarely needed

    for data in (sample, sample[:-1]):  # the last character may be cut
        matches = from_bytes(data, cp_isolation=list(CANDIDATES), preemptive_behaviour=False)
        best = matches.best()
        if best is not None:
            equal = (best.chaos, best.coherence)
            fitting = {
                encoding
                for match in matches
                if (match.chaos, match.coherence) == equal
                for encoding in match.could_be_from_charset
            }
            return next((each for each in CANDIDATES if each in fitting), best.encoding)
    return ""
