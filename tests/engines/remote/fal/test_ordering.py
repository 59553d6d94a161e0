"""An order is paid for, so it is sent once: again only where surely nothing was accepted, never where nobody knows."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from imagequarry.engines.remote.fal import ordering
from imagequarry.engines.remote.fal.receipt import NOTHING, SENDING
from imagequarry.errors import Cancelled, RemoteFailure, StorageFailure
from tests.engines.remote.fal.conftest import Make
from tests.engines.remote.fal.watching import Watched
from tests.fixtures.fal import ENDPOINT, KEY, FalQueue, Reply, glb

NOBODY_KNOWS = "may have accepted this picture"


class Stopped(BaseException):
    """Raised where a worker stops, or a process dies."""


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address where nobody listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def stopping(watch: Watched, kept: object, error: BaseException) -> None:
    """Raise as soon as that checkpoint is kept."""

    def stop() -> None:
        if watch.checkpoint == kept:
            watch.stop = lambda: None
            raise error

    watch.stop = stop


def test_an_order_is_marked_before_it_is_sent_and_its_receipt_kept_after(fal: FalQueue, make: Make) -> None:
    watch = Watched()
    make(watch)
    receipt = {"fal": "ordered", "request_id": fal.order.id, "endpoint": ENDPOINT}
    assert watch.kept == [SENDING, receipt]
    assert fal.submits == fal.attempts == 1


def test_the_next_attempt_follows_the_same_order(fal: FalQueue, make: Make) -> None:
    watch = Watched()
    fal.on_poll = lambda order: stopping(watch, watch.checkpoint, Stopped()) if order.polls == 2 else None
    with pytest.raises(Stopped):
        make(watch)
    assert fal.cancels == 0
    assert make(Watched(watch.checkpoint)).glb == glb()
    assert fal.submits == 1


def test_the_order_is_followed_where_it_was_sent_though_another_endpoint_is_set(fal: FalQueue, make: Make) -> None:
    watch = Watched()
    make(watch)
    elsewhere = {**watch.checkpoint, "endpoint": "somebody/other/path"}
    with pytest.raises(RemoteFailure, match="does not answer"):
        make(Watched(elsewhere), patience=0.05)
    assert fal.asked[-1][0].startswith("/somebody/other/requests/")
    assert fal.submits == 1


def test_a_picture_that_may_have_been_accepted_is_not_sent_again(fal: FalQueue, make: Make) -> None:
    with pytest.raises(RemoteFailure, match=NOBODY_KNOWS):
        make(Watched(dict(SENDING)))
    assert fal.attempts == 0


@pytest.mark.parametrize("left", [{"fal": "ordered"}, {"fal": "ordered", "request_id": "../x"}, {"fal": 7}])
def test_a_receipt_that_cannot_be_read_counts_as_one(fal: FalQueue, make: Make, left: object) -> None:
    with pytest.raises(RemoteFailure, match=NOBODY_KNOWS):
        make(Watched(left))
    assert fal.attempts == 0


@pytest.mark.parametrize("left", [None, {}, [], "x", {"saved": []}, dict(NOTHING)])
def test_without_an_order_of_an_earlier_attempt_one_is_sent(fal: FalQueue, make: Make, left: object) -> None:
    make(Watched(left))
    assert fal.submits == 1


def test_a_connection_that_breaks_after_the_order_was_accepted_has_it_sent_once(fal: FalQueue, make: Make) -> None:
    fal.drops = 5
    watch = Watched()
    for _ in range(3):
        with pytest.raises(RemoteFailure, match=NOBODY_KNOWS):
            make(watch)
    assert fal.submits == fal.attempts == 1
    assert watch.checkpoint == SENDING


def test_an_answer_that_comes_too_late_has_the_order_sent_once(
    fal: FalQueue, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordering, "_TIMEOUT", httpx.Timeout(0.2))
    fal.submit_seconds = 1.0
    watch = Watched()
    for _ in range(2):
        with pytest.raises(RemoteFailure, match=NOBODY_KNOWS):
            make(watch)
    assert fal.submits == 1


@pytest.mark.parametrize(
    "reply", [Reply(500, {"detail": "oops"}), Reply(502, b"nginx"), Reply(503), Reply(504), Reply(408)]
)
def test_an_order_that_met_a_broken_server_is_not_repeated(fal: FalQueue, make: Make, reply: Reply) -> None:
    fal.submit_replies = [reply] * 5
    watch = Watched()
    for _ in range(2):
        with pytest.raises(RemoteFailure, match=NOBODY_KNOWS):
            make(watch)
    assert fal.attempts == 1


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"[" * 100_000, {}, {"request_id": None}, {"request_id": ""}, {"request_id": "../../x"}]
)
def test_an_answer_without_a_usable_id_is_not_known_to_be_a_refusal(fal: FalQueue, make: Make, body: object) -> None:
    fal.submit_replies = [Reply(200, body)]
    watch = Watched()
    for _ in range(2):
        with pytest.raises(RemoteFailure, match=NOBODY_KNOWS):
            make(watch)
    assert fal.attempts == 1
    assert watch.checkpoint == SENDING


def test_a_queue_that_is_busy_is_asked_again_and_pays_once(fal: FalQueue, make: Make) -> None:
    fal.submit_replies = [Reply(429, {"detail": "slow down"}), Reply(429)]
    watch = Watched()
    assert make(watch).glb == glb()
    assert (fal.attempts, fal.submits) == (3, 1)
    assert [level for level, _ in watch.lines[:2]] == ["warning", "warning"]


def test_a_queue_that_stays_busy_is_given_up_and_nothing_is_owed(fal: FalQueue, make: Make) -> None:
    fal.submit_replies = [Reply(429)] * 10
    watch = Watched()
    with pytest.raises(RemoteFailure, match="takes no more orders"):
        make(watch)
    assert fal.attempts == 3
    assert watch.checkpoint == NOTHING


@pytest.mark.alone
def test_a_busy_queue_says_how_long_to_wait(fal: FalQueue, make: Make) -> None:
    fal.submit_replies = [Reply(429, headers={"Retry-After": "1"})]
    watch = Watched()
    began = time.monotonic()
    make(watch)
    assert 1 <= time.monotonic() - began < 5


@pytest.mark.parametrize("seconds", ["x", "-1", "1e9", "999999999", "", "\u0661"])
def test_nonsense_about_how_long_to_wait_is_not_believed(seconds: str) -> None:
    response = httpx.Response(429, headers=[(b"Retry-After", seconds.encode())])
    assert ordering._retry_after(response) == 0


def test_whoever_cancels_while_the_queue_is_busy_owes_nothing(fal: FalQueue, make: Make) -> None:
    fal.submit_replies = [Reply(429)] * 10
    watch = Watched()
    stopping(watch, NOTHING, Cancelled("stop"))
    with pytest.raises(Cancelled):
        make(watch)
    assert (fal.attempts, fal.cancels) == (1, 0)
    assert watch.checkpoint == NOTHING


def test_a_queue_that_cannot_be_reached_may_be_asked_by_the_next_attempt(make: Make, nowhere: str) -> None:
    watch = Watched()
    with pytest.raises(RemoteFailure, match="could not be reached") as failure:
        make(watch, queue_url=nowhere)
    assert watch.checkpoint == NOTHING
    assert watch.kept.count(SENDING) == 3
    assert "127.0.0.1" not in failure.value.message
    assert make(watch).glb == glb()


def test_a_worker_that_stops_before_the_order_is_sent_leaves_no_doubt(fal: FalQueue, make: Make) -> None:
    watch = Watched()
    stopping(watch, SENDING, Stopped())
    with pytest.raises(Stopped):
        make(watch)
    assert (fal.attempts, watch.checkpoint) == (0, NOTHING)
    make(watch)
    assert fal.submits == 1


def test_a_worker_that_stops_right_after_the_order_was_sent_keeps_its_receipt(fal: FalQueue, make: Make) -> None:
    watch = Watched()

    def stop() -> None:
        if fal.submits and watch.checkpoint != SENDING:
            raise Stopped

    watch.stop = stop
    with pytest.raises(Stopped):
        make(watch)
    assert watch.checkpoint["request_id"] == fal.order.id
    assert make(Watched(watch.checkpoint)).glb == glb()
    assert (fal.submits, fal.cancels) == (1, 0)


def test_a_database_that_is_away_for_a_moment_does_not_cost_the_order(fal: FalQueue, make: Make) -> None:
    away = iter([True, True, False])

    class Away(Watched):
        def progress(self, fraction: float, message: str = "", checkpoint: object = None) -> None:
            if isinstance(checkpoint, dict) and "request_id" in checkpoint and next(away):
                raise StorageFailure
            super().progress(fraction, message, checkpoint)

    watch = Away()
    assert make(watch).glb == glb()
    assert watch.checkpoint["request_id"] == fal.order.id
    assert fal.submits == 1


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_key_that_is_refused_is_said_so_without_the_key(fal: FalQueue, make: Make, status: int) -> None:
    fal.submit_replies = [Reply(status, {"detail": f"no access for {KEY}"})]
    watch = Watched()
    with pytest.raises(RemoteFailure, match="does not accept this server's key") as failure:
        make(watch)
    assert all(part not in str(failure.value.message) for part in (KEY, *KEY.split(":")))
    assert watch.checkpoint == NOTHING


def test_a_wrong_key_is_refused_by_the_queue(fal: FalQueue, make: Make) -> None:
    with pytest.raises(RemoteFailure, match="does not accept this server's key"):
        make(key="wrong:0123456789")
    assert fal.submits == 0


@pytest.mark.parametrize(
    ("detail", "said"),
    [
        ([{"loc": ["body", "image_url"], "msg": "no picture", "type": "x"}], "image_url: no picture"),
        ([{"loc": [], "msg": "a"}, {"msg": "b"}, 7, {"msg": None}], "a; b"),
        ("all\nwrong\0", "all wrong"),
        ({"x": 1}, "status 422"),
        (f"what is {KEY.split(':')[1]}?", r"what is \[key\]\?"),
        ("x" * 5000, "x{300}$"),
    ],
)
def test_an_order_that_is_refused_is_refused_in_the_queues_words(
    fal: FalQueue, make: Make, detail: object, said: str
) -> None:
    fal.submit_replies = [Reply(422, {"detail": detail})]
    watch = Watched()
    with pytest.raises(RemoteFailure, match=f"^fal.ai refused the picture: {said}"):
        make(watch)
    assert watch.checkpoint == NOTHING


def test_an_order_is_not_taken_elsewhere(fal: FalQueue, make: Make) -> None:
    fal.submit_replies = [Reply(307, headers={"Location": f"{fal.url}/{ENDPOINT}"})]
    with pytest.raises(RemoteFailure, match="leads elsewhere"):
        make()
    assert fal.submits == 0


def test_the_addresses_that_an_answer_names_are_not_asked_with_our_key(fal: FalQueue, make: Make) -> None:
    fal.submit_changes = dict.fromkeys(("status_url", "response_url", "cancel_url"), "http://127.0.0.1:9/")
    assert make().glb == glb()
