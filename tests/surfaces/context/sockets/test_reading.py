"""Whatever a client sends is either understood or refused in a sentence."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from imagequarry.errors import InvalidInput
from imagequarry.surfaces.context.sockets import messages

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
NAMES = ("channel", "task_id", "since", "query", "limit", "objects", "min_score", "request_id", "api_key")
TYPES = st.sampled_from(["ping", "subscribe", "unsubscribe", "search", "auth"])
LIKELY = st.sampled_from(["processing", "jobs", "task:", "task:a", "cat,dog", ["cat"], 0, 1, 10, 0.5, "\ud800", "\0"])
TALK = st.fixed_dictionaries({"type": TYPES | ANYTHING}, optional=dict.fromkeys(NAMES, LIKELY | ANYTHING))


def understood(text: str) -> messages.Incoming | None:
    """What was said; None when it was refused, in a sentence that can be sent."""
    try:
        return messages.read(text)
    except InvalidInput as error:
        said = json.loads(messages.failed(error))
        assert said["error"] == "ValidationError"
        assert said["message"].endswith(".")
        return None


@settings(max_examples=150, deadline=None)
@given(TALK)
def test_every_object_is_understood_or_refused(said: Any) -> None:
    found = understood(json.dumps(said))
    if isinstance(found, messages.SearchWish):
        assert found.query.strip()
        assert 1 <= found.limit <= 100
        assert all(found.objects)
        assert found.min_score is None or 0 <= found.min_score <= 1
        answer = json.loads(messages.dropped(found))
        assert answer["request_id"] == said.get("request_id")
    if isinstance(found, messages.Subscribe):
        assert found.channel in ("processing", "jobs") or len(found.channel) > len("task:")
        assert found.since is None or found.since >= 0


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200) | ANYTHING.map(json.dumps))
def test_every_text_is_understood_or_refused(text: str) -> None:
    understood(text)
