"""Texts are written down so that the words in them can be found."""

from __future__ import annotations

import pytest

from imagequarry.stores.wording import object_name, searchable, words


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("IMG_sunset-beach2.jpg", "img sunset beach2 beach 2"),
        ("DSC0001.JPEG", "dsc0001 dsc 0001"),
        ("MyHTTPServer v1.5.png", "myhttpserver my http server v1 v 1 5"),
        ("mr.dog", "mr dog"),
        ("Café à Genève.webp", "cafe a geneve"),
        ("Cafe\u0301.tiff", "cafe"),
        ("чайка на море.png", "чайка на море"),
        ("Йод.png", "йод"),
        ("日落ビーチ.png", "日落ビーチ 日 落 ビ ー チ"),
        ("हिन्दी.png", "हिन्दी"),
        ("한국.png", "한국"),
        ('it\'s "NEAR(a* b:c)" ^- \\', "it s near a b c"),
        ("👩‍👩‍👧.png", ""),
        ("a\0b\ud800c", "a b c"),
        ("...", ""),
        ("", ""),
    ],
)
def test_the_name_of_a_file_is_written_in_its_words(name: str, written: str) -> None:
    assert searchable(name) == written


def test_a_word_without_an_end_is_cut() -> None:
    assert words("x" * 10_000 + " y") == ["x" * 64, "y"]


def test_the_name_of_an_object_is_the_same_however_it_is_typed() -> None:
    assert {object_name(name) for name in ("Traffic Light", " traffic\n light ", "TRAFFIC\0LIGHT")} == {"traffic light"}
    assert object_name("\ud800 \x07") == ""
    assert len(object_name("ab " * 1000)) <= 128
