"""Names from callers: as labels for people they are harmless, whatever they were."""

from __future__ import annotations

import pytest

from imagequarry.capabilities.files import label_of


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("cat.jpg", "cat.jpg"),
        ("Katze im Schnee é 猫.png", "Katze im Schnee é 猫.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\cat.jpg", "cat.jpg"),
        ("/cat.jpg/", "picture"),
        ("a\0b\r\n\x7f\u202ec.png", "abc.png"),
        ("..", "picture"),
        ("", "picture"),
        (" . ", "picture"),
        (".hidden", ".hidden"),
        ("x" * 300 + ".jpeg", "x" * 250 + ".jpeg"),
        ("x" * 300, "x" * 255),
        ("x." + "y" * 300, "x." + "y" * 253),
    ],
)
def test_a_name_becomes_a_label(name: str, label: str) -> None:
    assert label_of(name) == label
