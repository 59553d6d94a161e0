"""The counts of one process: exact in every window, and bounded in memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imagequarry.surfaces.rate_limits import Counts, Standing, Window

MINUTE, HOUR = Window(3, 60), Window(5, 3600)
NOW = 1_800_000_000.0


def test_a_request_too_many_is_refused_until_the_oldest_leaves_the_window() -> None:
    counts = Counts([MINUTE])
    assert [counts.hit("x", NOW + after).remaining for after in (0, 10, 20)] == [2, 1, 0]
    assert counts.hit("x", NOW + 30) == Standing(MINUTE, 0, NOW + 60, allowed=False)
    assert not counts.hit("x", NOW + 60).allowed
    assert counts.hit("x", NOW + 60.1) == Standing(MINUTE, 0, NOW + 70)
    # What was refused did not count.
    assert counts.hit("x", NOW + 81).remaining == 1


def test_the_window_that_leaves_the_fewest_is_told_and_any_of_them_refuses() -> None:
    counts = Counts([MINUTE, HOUR])
    assert counts.hit("x", NOW) == Standing(MINUTE, 2, NOW + 60)
    counts.hit("x", NOW)
    counts.hit("x", NOW)
    assert counts.hit("x", NOW + 100) == Standing(HOUR, 1, NOW + 3600)
    assert counts.hit("x", NOW + 101) == Standing(HOUR, 0, NOW + 3600)
    assert counts.hit("x", NOW + 102) == Standing(HOUR, 0, NOW + 3600, allowed=False)
    assert counts.hit("x", NOW + 3601).allowed


def test_looking_counts_nothing_and_keeps_nobody() -> None:
    counts = Counts([MINUTE], callers=1)
    counts.hit("x", NOW)
    assert counts.look("y", NOW) == Standing(MINUTE, 3, NOW)
    assert counts.look("x", NOW + 1) == counts.look("x", NOW + 2) == Standing(MINUTE, 2, NOW + 60)


def test_callers_count_for_themselves_and_the_most_silent_is_forgotten_first() -> None:
    counts = Counts([MINUTE], callers=2)
    for caller in ("x", "y", "x"):
        counts.hit(caller, NOW)
    counts.hit("z", NOW)
    assert [counts.look(caller, NOW).remaining for caller in "xyz"] == [1, 3, 2]


def test_a_clock_that_is_put_back_opens_nothing() -> None:
    counts = Counts([MINUTE])
    for after in (0, -500, -1000):
        assert counts.hit("x", NOW + after).allowed
    assert not counts.hit("x", NOW - 2000).allowed


@given(st.lists(st.floats(0, 50), max_size=200))
def test_no_window_ever_holds_more_than_it_may_and_none_refuses_without_need(pauses: list[float]) -> None:
    windows = [Window(4, 60), Window(9, 300)]
    counts, now, let_in = Counts(windows), NOW, list[float]()
    for pause in pauses:
        now += pause
        has_room = all(sum(then >= now - w.seconds for then in let_in) < w.requests for w in windows)
        assert counts.hit("x", now).allowed == has_room
        if has_room:
            let_in.append(now)
