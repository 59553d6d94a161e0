"""How texts are written down so that words in them are found: which letters make a word, and what a name is made of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby, pairwise

LONGEST_OBJECT = 128
_LONGEST_WORD = 64
_ACCENTS = re.compile("([A-Za-z])[\u0300-\u036f]+")
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_FORMAT = re.compile(r"\.(jpe?g|png|webp|bmp|tiff?|gif|heic|avif)$", re.IGNORECASE)
# Chinese and Japanese part no words.
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")


def plain(text: str) -> str:
    """The text with one space for what no database or terminal could bear: control characters, lone surrogates."""
    return _UNFIT.sub(" ", text).strip()


def object_name(name: str) -> str:
    """The name of an object as it is kept and asked for: lower case, at most 128 characters, "" for none."""
    return " ".join(plain(name).lower().split())[:LONGEST_OBJECT].rstrip()


def words(text: str) -> list[str]:
    """The runs of letters and digits in a text, cut to 64 characters, Latin ones without their accents."""
    return ["".join(run)[:_LONGEST_WORD] for inside, run in groupby(_unaccented(text), is_in_word) if inside]


def is_in_word(letter: str) -> bool:
    """Whether the character belongs to a word: a letter, a mark on one, or a digit."""
    return unicodedata.category(letter)[0] in "LMN"


def forms(word: str) -> list[str]:
    """The word in lower case, and if it has parts, these: "IMGsunset2" is also "img sunset 2"."""
    parts = list(_parts(word))
    return [form.lower() for form in ([word, " ".join(parts)] if len(parts) > 1 else [word])]


def searchable(name: str) -> str:
    """The words of a file's name or of other names, each in all its forms, without the ending of a picture."""
    return " ".join(form for word in words(_FORMAT.sub("", name)) for form in forms(word))


def _unaccented(text: str) -> str:
    """The text as SQLite's index sees it: a Latin letter loses its accents, others are part of their letter."""
    return unicodedata.normalize("NFC", _ACCENTS.sub(r"\1", unicodedata.normalize("NFD", text)))


def _parts(word: str) -> Iterator[str]:
    """Split where digits begin or end, before the capital in "sunsetBeach", and round every ideograph."""
    start = 0
    for at, (before, letter) in enumerate(pairwise(word), 1):
        after = word[at + 1 : at + 2]
        if (
            before.isnumeric() != letter.isnumeric()
            or (letter.isupper() and (before.islower() or (before.isupper() and after.islower())))
            or _IDEOGRAPH.match(before)
            or _IDEOGRAPH.match(letter)
        ):
            yield word[start:at]
            start = at
    yield word[start:]
