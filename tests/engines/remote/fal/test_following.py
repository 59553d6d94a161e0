"""An order is followed to its end: what is told of it meanwhile, what ends it, and what a bad moment does not end."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from imagequarry.engines.remote.fal import wire
from imagequarry.engines.remote.fal.receipt import NOTHING
from imagequarry.errors import Cancelled, ModelFailure, RemoteFailure
from tests.engines.remote.fal.conftest import Make
from tests.engines.remote.fal.watching import Watched
from tests.fixtures.fal import KEY, FalQueue, Order, Reply, glb, log_line

PAID = {"fal": "ordered", "request_id": "request-1-0f5c"}


def test_a_job_tells_where_its_order_stands(fal: FalQueue, make: Make) -> None:
    fal.queued, fal.running = 3, 4
    watch = Watched()
    make(watch)
    assert watch.messages == [
        "Preparing the picture.",
        "Sending the picture to fal.ai.",
        "fal.ai has the picture.",
        "2 before it in fal.ai's queue.",
        "1 before it in fal.ai's queue.",
        "Next in fal.ai's queue.",
        "fal.ai makes the model.",
        "fal.ai is done.",
        "Fetching the model from fal.ai.",
    ]
    fractions = [fraction for fraction, _ in watch.told]
    assert fractions == sorted(fractions)
    assert fractions[0] > 0
    assert fractions[-1] < 1
    assert len({fraction for fraction, message in watch.told if message == "fal.ai makes the model."}) == 4


def test_each_line_of_the_queues_log_is_told_once(fal: FalQueue, make: Make) -> None:
    fal.running = 6
    levels = ["INFO", "WARN", "ERROR", "DEBUG", "STRANGE"]
    fal.lines = [log_line(f"line {n}", level) for n, level in enumerate(levels)] + [log_line("last")]
    watch = Watched()
    make(watch)
    told = ["info", "warning", "error", "info", "info", "info"]
    assert watch.lines == [*((level, f"line {n}") for n, level in enumerate(told[:5])), ("info", "last")]


def test_what_comes_with_the_end_of_the_log_is_told_too(fal: FalQueue, make: Make) -> None:
    fal.running = 0
    watch = Watched()
    make(watch)
    assert watch.lines == [("info", "loading"), ("info", "sculpting")]


def test_lines_that_are_none_are_passed_over(fal: FalQueue, make: Make) -> None:
    odd: list[Any] = [None, 7, "x", {}, {"message": None}, {"message": "\0\n "}]
    fal.running, fal.lines = 0, [*odd, log_line("last", level=None)]
    watch = Watched()
    make(watch)
    assert watch.lines == [("info", "last")]


@pytest.mark.parametrize("lines", [None, "x", {}])
def test_a_log_that_is_none_is_passed_over(fal: FalQueue, make: Make, lines: Any) -> None:
    answer = {"status": "IN_PROGRESS", "logs": lines}
    fal.status_replies = [Reply(202, answer)]
    watch = Watched()
    assert make(watch).glb == glb()
    assert [line for _, line in watch.lines] == ["loading", "sculpting"]


def test_a_log_without_end_is_told_in_part_and_a_line_without_end_too(fal: FalQueue, make: Make) -> None:
    fal.running = 0
    fal.lines = [log_line(f"{n} " + "x" * 9000) for n in range(600)]
    watch = Watched()
    make(watch)
    assert len(watch.lines) == 500
    assert {len(line) for _, line in watch.lines} == {300}


def test_the_key_does_not_come_back_through_a_log(fal: FalQueue, make: Make) -> None:
    fal.lines = [log_line(f"{KEY} and {KEY.split(':')[1]}")]
    watch = Watched()
    make(watch)
    assert watch.lines == [("info", "[key] and [key]")]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, b""),
        Reply(200, b"<html>"),
        Reply(200, b"[" * 100_000),
        Reply(200, []),
        Reply(200, "x"),
        Reply(200, {}),
        Reply(200, {"status": "DREAMING"}),
        Reply(200, {"status": "IN_QUEUE"}),
        Reply(200, {"status": "IN_QUEUE", "queue_position": "many"}),
        Reply(200, {"status": "IN_PROGRESS"}),
        Reply(200, {"status": "COMPLETED"}),
        Reply(404, {"detail": "Request not found"}),
        Reply(408),
        Reply(429),
        Reply(500, {"detail": "oops"}),
        Reply(502, b"nginx"),
        Reply(302, headers={"Location": "/elsewhere"}),
        Reply(200, b"x" * 9 * 2**20),
        Reply(200, b"\x1f\x8b", headers={"Content-Encoding": "gzip"}),
    ],
)
def test_a_status_that_cannot_be_used_does_not_end_what_is_paid_for(fal: FalQueue, make: Make, reply: Reply) -> None:
    fal.status_replies = [reply, reply]
    assert make(Watched()).glb == glb()
    assert (fal.submits, fal.cancels) == (1, 0)


def test_a_status_that_comes_too_late_does_not_end_it_either(
    fal: FalQueue, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_POLL", httpx.Timeout(0.2))
    fal.status_replies = [Reply(200, {}, seconds=0.6)]
    assert make(Watched()).glb == glb()
    assert fal.submits == 1


def test_a_queue_that_stays_silent_is_given_up_and_its_order_kept_for_another_try(fal: FalQueue, make: Make) -> None:
    fal.status_replies = [Reply(500)] * 10_000
    watch = Watched()
    with pytest.raises(RemoteFailure, match="does not answer for it"):
        make(watch, patience=0.2)
    fal.status_replies.clear()
    assert make(Watched(watch.checkpoint)).glb == glb()
    assert (fal.submits, fal.cancels) == (1, 0)


def test_a_queue_that_is_silent_when_the_time_is_over_may_still_be_asked(fal: FalQueue, make: Make) -> None:
    fal.status_replies = [Reply(500)] * 10_000
    watch = Watched()
    with pytest.raises(RemoteFailure, match="does not answer for it"):
        make(watch, timeout=0.2, patience=60)
    assert fal.cancels == 0
    assert watch.checkpoint["request_id"] == fal.order.id


def test_a_key_that_is_withdrawn_meanwhile_keeps_the_order(fal: FalQueue, make: Make) -> None:
    watch = Watched()
    fal.status_replies = [Reply(401, {"detail": f"bad {KEY}"})]
    with pytest.raises(RemoteFailure, match="does not accept this server's key") as failure:
        make(watch)
    assert KEY not in failure.value.message
    assert make(Watched(watch.checkpoint)).glb == glb()
    assert fal.submits == 1


@pytest.mark.alone
def test_a_model_that_takes_too_long_is_called_off(fal: FalQueue, make: Make) -> None:
    fal.running = 10_000
    watch = Watched()
    began = time.monotonic()
    with pytest.raises(ModelFailure, match=r"did not make the model within 0\.3 seconds"):
        make(watch, timeout=0.3)
    assert time.monotonic() - began < 5
    assert fal.order.cancelled
    assert watch.checkpoint == NOTHING


@pytest.mark.parametrize(
    "answer",
    [
        Reply(202, {"status": "CANCELLATION_REQUESTED"}),
        Reply(400, {"status": "ALREADY_COMPLETED"}),
        Reply(404, {"status": "NOT_FOUND"}),
        Reply(500, b"nginx"),
        Reply(200, b""),
    ],
)
@pytest.mark.parametrize("polls", [1, 3])
def test_whoever_cancels_calls_off_the_order_once_and_gets_no_model(
    fal: FalQueue, make: Make, answer: Reply, polls: int
) -> None:
    fal.running, fal.cancel_reply = 10_000, answer
    watch = Watched()

    def look(order: Order) -> None:
        def stop() -> None:
            raise Cancelled("The job was cancelled.")

        if order.polls == polls:
            watch.stop = stop

    fal.on_poll = look
    with pytest.raises(Cancelled):
        make(watch)
    assert (fal.cancels, fal.submits) == (1, 1)
    assert fal.order.cancelled
    assert fal.fetched == []
    assert watch.checkpoint == NOTHING


def test_whoever_stops_while_the_model_comes_gets_it_for_nothing_next_time(fal: FalQueue, make: Make) -> None:
    watch = Watched()

    def stop() -> None:
        if watch.told and watch.told[-1][1].startswith("Fetching"):
            raise Cancelled("The job was cancelled.")

    watch.stop = stop
    fal.files["model.glb"].pace = 0.002
    with pytest.raises(Cancelled):
        make(watch)
    fal.files["model.glb"].pace = 0
    assert make(Watched(watch.checkpoint)).glb == glb()
    assert (fal.submits, fal.cancels) == (1, 0)


def test_after_an_order_was_called_off_another_try_orders_anew(fal: FalQueue, make: Make) -> None:
    watch = Watched()
    fal.running = 10_000
    with pytest.raises(ModelFailure):
        make(watch, timeout=0.1)
    fal.running = 1
    make(Watched(watch.checkpoint))
    assert fal.submits == 2


@pytest.mark.parametrize(
    ("detail", "error", "said"),
    [
        (
            [{"loc": ["body", "image_url"], "msg": "Failed to load the image", "type": "x"}],
            None,
            "image_url: Failed to",
        ),
        ([{"loc": ["body", "image_url"], "msg": "Failed to load the image"}], "err", "image_url: Failed to load"),
        ("The face is not there", "err", "The face is not there"),
        (7, "Generation failed", "Generation failed"),
        (7, f"Generation of {KEY} failed", r"Generation of \[key\] failed"),
    ],
)
def test_a_failure_at_fal_is_told_in_its_words(
    fal: FalQueue, make: Make, detail: Any, error: str | None, said: str
) -> None:
    fal.detail, fal.error = detail, error
    watch = Watched()
    with pytest.raises(RemoteFailure, match=f"^fal.ai could not make the model: {said}"):
        make(watch)
    assert fal.fetched == []
    assert watch.checkpoint == NOTHING


def test_an_error_beside_the_word_completed_is_a_failure_though_a_result_comes(fal: FalQueue, make: Make) -> None:
    fal.error = "Generation failed"
    with pytest.raises(RemoteFailure, match="Generation failed"):
        make()


def test_a_failure_that_nothing_tells_of_is_told_by_its_status(fal: FalQueue, make: Make) -> None:
    fal.error, fal.result_replies = " ", [Reply(500, b"")]
    with pytest.raises(RemoteFailure, match="could not make the model: status 500"):
        make()


@pytest.mark.parametrize(
    "reply", [Reply(502, b"nginx"), Reply(500, {"detail": "x"}), Reply(404, b"<html>"), Reply(429), Reply(302)]
)
def test_a_result_that_does_not_come_is_asked_for_again(fal: FalQueue, make: Make, reply: Reply) -> None:
    fal.result_replies = [reply, reply]
    assert make().glb == glb()
    assert fal.submits == 1


def test_a_job_that_fails_while_it_is_also_asked_to_stop_is_not_begun_again(fal: FalQueue, make: Make) -> None:
    class Stopped(BaseException):
        pass

    fal.detail = "no"
    watch = Watched()

    def stop() -> None:
        if watch.checkpoint == NOTHING:
            raise Stopped

    watch.stop = stop
    with pytest.raises(RemoteFailure, match="could not make the model: no"):
        make(watch)
