"""Pictures as base64 and as data URLs."""

from __future__ import annotations

import base64
import textwrap

import pytest

from imagequarry.capabilities.intake import Limits, from_base64, open_picture
from imagequarry.errors import FileTooLarge, InvalidPicture
from tests.fixtures.pictures import encoded, scene

DATA = encoded(scene())
TEXT = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"data:image/png;base64,{TEXT}",
        f"  DATA:image/png;charset=utf-8;BASE64,{TEXT}\n",
        f"data:;base64, {TEXT}",
        "\r\n".join(textwrap.wrap(TEXT, 76)),
        " ".join(textwrap.wrap(TEXT, 1000)),
        base64.urlsafe_b64encode(DATA).decode(),
        TEXT.rstrip("="),
    ],
    ids=["plain", "data url", "odd data url", "no type", "lines", "blanks", "url-safe", "no padding"],
)
def test_a_picture_comes_back_from_its_text(text: str) -> None:
    assert from_base64(text) == DATA
    assert open_picture(from_base64(text)).format == "PNG"


@pytest.mark.parametrize("length", [1, 2, 3])
def test_missing_padding_is_tolerated_at_every_length(length: int) -> None:
    assert from_base64(base64.b64encode(DATA[:length]).decode().rstrip("=")) == DATA[:length]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "====",
        "data:image/png;base64,",
        "data:image/png,abc",
        "data:image/png;base64",
        "abc!",
        "abcde",
        "ab=c",
        "äöü",
    ],
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(InvalidPicture) as refusal:
        from_base64(text)
    assert refusal.value.message.endswith(".")
    assert not isinstance(refusal.value, FileTooLarge)


def test_a_text_too_long_is_refused_before_it_is_decoded() -> None:
    limits = Limits(max_bytes=1000)
    with pytest.raises(FileTooLarge, match="1000 bytes"):
        from_base64("!" * 10_000, limits)


def test_a_text_that_decodes_to_a_byte_too_many_is_refused() -> None:
    limits = Limits(max_bytes=1000)
    assert len(from_base64(base64.b64encode(bytes(1000)).decode(), limits)) == 1000
    with pytest.raises(FileTooLarge):
        from_base64(base64.b64encode(bytes(1001)).decode(), limits)
    broken_lines = "\r\n".join(textwrap.wrap(base64.b64encode(bytes(1000)).decode(), 64))
    assert len(from_base64(broken_lines, limits)) == 1000
