"""The log stream: who gets which line, in which form, and what no line ever holds."""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from imagequarry.errors import StorageFailure
from imagequarry.ops.logs import access_logger, bound, configure, logger

log = logger("imagequarry.somewhere")

APPLICATION_LOG = "application.log"
ACCESS_LOG = "access.log"
WORKER_LOG = "celery_worker.log"
ERRORS_LOG = "celery_errors.log"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    names = ("", "imagequarry", "imagequarry.access", "uvicorn", "uvicorn.error", "uvicorn.access")
    before = [(found, list(found.handlers), found.level, found.propagate) for found in map(logging.getLogger, names)]
    hook = threading.excepthook
    yield
    for found, handlers, level, propagate in before:
        for handler in set(found.handlers) - set(handlers):
            handler.close()
        found.handlers = handlers
        found.setLevel(level)
        found.propagate = propagate
    threading.excepthook = hook
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_our_lines_and_those_of_the_standard_library_are_json_in_one_file(tmp_path: Path) -> None:
    configure(folder=tmp_path)
    log.info("image stored", bytes=12)
    logging.getLogger("imagequarry.elsewhere").warning("%d left", 3, extra={"model": "sam"})
    logging.getLogger("uvicorn.error").info("started", extra={"color_message": "\x1b[36mstarted"})

    ours, standard, uvicorn = lines(tmp_path / APPLICATION_LOG)
    assert (ours["event"], ours["bytes"], ours["level"], ours["logger"]) == (
        "image stored",
        12,
        "info",
        "imagequarry.somewhere",
    )
    assert (standard["event"], standard["model"], standard["level"]) == ("3 left", "sam", "warning")
    assert (uvicorn["event"], uvicorn["logger"]) == ("started", "uvicorn.error")
    assert "color_message" not in uvicorn
    assert ours["timestamp"].endswith("Z")


def test_lines_below_the_level_and_chatter_of_other_libraries_are_left_out(tmp_path: Path) -> None:
    configure("WARNING", tmp_path)
    log.info("quiet")
    logging.getLogger("httpx").info("GET https://example.org/?key=1")
    logging.getLogger("httpx").error("no route")
    assert [line["event"] for line in lines(tmp_path / APPLICATION_LOG)] == ["no route"]


def test_a_bound_request_id_is_on_every_line_written_for_the_request(tmp_path: Path) -> None:
    configure(folder=tmp_path)
    with bound(request_id="r-1"):
        log.info("inside")
        logging.getLogger("imagequarry.elsewhere").info("inside too")
    log.info("outside")
    assert [line.get("request_id") for line in lines(tmp_path / APPLICATION_LOG)] == ["r-1", "r-1", None]


def test_access_lines_have_their_own_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(folder=tmp_path)
    access_logger().info("request", method="GET", path="/health", status=200)
    logging.getLogger("uvicorn.access").info("GET /health")

    (line,) = lines(tmp_path / ACCESS_LOG)
    assert (line["event"], line["status"]) == ("request", 200)
    assert lines(tmp_path / APPLICATION_LOG) == []
    assert json.loads(capsys.readouterr().err)["path"] == "/health"


def test_the_access_lines_of_uvicorn_are_not_even_made() -> None:
    configure()
    assert not logging.getLogger("uvicorn.access").hasHandlers()


@pytest.mark.parametrize(
    "name",
    ["api_key", "API_KEYS", "X-API-Key", "authorization", "sam_api_token", "password", "fal_key", "Set-Cookie"],
)
def test_values_under_secret_names_are_redacted_however_deep(name: str, tmp_path: Path) -> None:
    configure(folder=tmp_path)
    log.info("asked", **{name: "s3cret"})
    log.info("asked", request={"headers": [{name: ["s3cret"]}]})
    logging.getLogger("imagequarry.elsewhere").info("asked", extra={name: "s3cret"})
    written = (tmp_path / APPLICATION_LOG).read_text("utf-8")
    assert "s3cret" not in written
    assert written.count("[redacted]") == 3


def test_names_that_only_look_secret_are_shown(tmp_path: Path) -> None:
    configure(folder=tmp_path)
    log.info("counted", token_count=7, cache_key="a/b")
    (line,) = lines(tmp_path / APPLICATION_LOG)
    assert (line["token_count"], line["cache_key"]) == (7, "a/b")


def test_credentials_in_urls_headers_and_tracebacks_are_redacted(tmp_path: Path) -> None:
    configure(folder=tmp_path)
    log.info("connecting to postgresql://me:s3cret@db/quarry", sent="Authorization: Bearer s3cret")
    try:
        raise ConnectionError("postgresql://me:s3cret@db/quarry does not answer")
    except ConnectionError as error:
        log.exception("no database", error=error)
    written = (tmp_path / APPLICATION_LOG).read_text("utf-8")
    assert "s3cret" not in written
    assert "@db/quarry does not answer" in written


def test_an_exception_is_logged_with_the_stack_of_its_cause(tmp_path: Path) -> None:
    configure(folder=tmp_path)
    try:
        try:
            raise KeyError("the cause")
        except KeyError as error:
            raise StorageFailure from error
    except StorageFailure:
        log.exception("failed")
        logging.getLogger("imagequarry.elsewhere").exception("failed")
    for line in lines(tmp_path / APPLICATION_LOG):
        assert "KeyError: 'the cause'" in line["exception"]
        assert "StorageFailure" in line["exception"]
        assert line["level"] == "error"


def test_a_thread_that_dies_leaves_its_traceback(tmp_path: Path) -> None:
    configure(folder=tmp_path)

    def die() -> None:
        raise LookupError("gone")

    thread = threading.Thread(target=die, name="prewarm")
    thread.start()
    thread.join()
    (line,) = lines(tmp_path / APPLICATION_LOG)
    assert line["event"] == "thread prewarm died"
    assert "LookupError: gone" in line["exception"]


def test_values_that_json_cannot_hold_still_make_a_line(tmp_path: Path) -> None:
    configure(folder=tmp_path)
    log.info("odd", path=Path("a/b"), score=float("nan"), name="\udcff", parts={1})
    (line,) = lines(tmp_path / APPLICATION_LOG)
    assert (line["path"], line["score"], line["name"], line["parts"]) == ("a/b", "nan", "\udcff", [1])


def test_standard_error_holds_json_lines_unless_people_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure()
    log.info("stored", path="a b")
    assert json.loads(capsys.readouterr().err)["path"] == "a b"

    configure(console=True)
    log.info("stored", path="a b")
    shown = capsys.readouterr().err
    assert "stored" in shown
    assert "path='a b'" in shown
    assert "{" not in shown


def test_a_terminal_is_never_steered_by_what_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure(console=True)
    access_logger().info("request", path="/\x1b[2Jgone\nforged line")
    shown = capsys.readouterr().err
    assert "\x1b[2J" not in shown
    assert shown.count("\n") == 1


def test_configuring_again_replaces_what_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(folder=tmp_path / "first")
    configure(folder=tmp_path / "second")
    log.info("once")
    assert lines(tmp_path / "first" / APPLICATION_LOG) == []
    assert len(lines(tmp_path / "second" / APPLICATION_LOG)) == 1
    assert capsys.readouterr().err.count("once") == 1


def test_a_rotated_file_is_followed_by_a_new_one(tmp_path: Path) -> None:
    configure(folder=tmp_path)
    log.info("before")
    os.rename(tmp_path / APPLICATION_LOG, tmp_path / "application.log.1")
    log.info("after")
    assert [line["event"] for line in lines(tmp_path / APPLICATION_LOG)] == ["after"]


def test_whoever_logs_hears_nothing_of_a_folder_that_is_gone_and_it_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    configure(folder=folder)
    shutil.rmtree(folder)
    log.info("written all the same")
    assert [line["event"] for line in lines(folder / APPLICATION_LOG)] == ["written all the same"]
    shutil.rmtree(folder)
    folder.write_text("no folder")
    log.info("lost")
    folder.unlink()
    log.info("written again")
    assert [line["event"] for line in lines(folder / APPLICATION_LOG)] == ["written again"]


def test_the_application_log_may_be_a_file_elsewhere(tmp_path: Path) -> None:
    configure(folder=tmp_path / "logs", application_file=tmp_path / "other" / "api.log")
    log.info("image stored")
    access_logger().info("request")
    assert [line["event"] for line in lines(tmp_path / "other" / "api.log")] == ["image stored"]
    assert {file.name for file in (tmp_path / "logs").iterdir()} == {ACCESS_LOG, WORKER_LOG, ERRORS_LOG}


def test_lines_of_jobs_have_files_of_their_own_and_their_errors_one_more(tmp_path: Path) -> None:
    configure(folder=tmp_path)
    log.info("started")
    logging.getLogger("imagequarry.jobs.reaper").info("looked")
    with bound(job_id="7"):
        log.warning("slow")
        logging.getLogger("imagequarry.engines").error("failed")
    log.error("no database")
    assert [line["event"] for line in lines(tmp_path / APPLICATION_LOG)] == ["started", "no database"]
    assert [line["event"] for line in lines(tmp_path / WORKER_LOG)] == ["looked", "slow", "failed"]
    (failed,) = lines(tmp_path / ERRORS_LOG)
    assert (failed["event"], failed["job_id"]) == ("failed", "7")


def test_a_process_that_does_nothing_but_jobs_writes_into_the_files_of_jobs(tmp_path: Path) -> None:
    configure(folder=tmp_path, is_worker=True)
    log.info("ready")
    log.error("no database")
    assert lines(tmp_path / APPLICATION_LOG) == []
    assert [line["event"] for line in lines(tmp_path / WORKER_LOG)] == ["ready", "no database"]
    assert [line["event"] for line in lines(tmp_path / ERRORS_LOG)] == ["no database"]


def test_a_folder_that_cannot_be_made_is_a_storage_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailure, match="LOG_DIR") as caught:
        configure(folder=tmp_path / "file" / "logs")
    assert str(tmp_path) not in caught.value.message
