"""One stream of structured logs: JSON lines in files and on standard error, readable lines on a terminal.

The floors below this one log through ``structlog.stdlib.get_logger(__name__)`` or the standard library, into the same
stream.
"""

from __future__ import annotations

import logging
import math
import re
import sys
import threading
from collections.abc import Mapping
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from imagequarry.domain.log import LOG_TYPES, LogType
from imagequarry.errors import StorageFailure
from imagequarry.stores.log_files import LogFiles

_ACCESS_LOGGER: Final = "imagequarry.access"
_JOBS_LOGGER: Final = "imagequarry.jobs"
# Other libraries are heard from WARNING on: some log whole URLs, secrets in their queries included, at INFO.
_OUR_LOGGERS: Final = ("imagequarry", "uvicorn")

_SECRET_NAME = re.compile(
    r"(^|[_.-])(authorization|bearer|cookies?|credentials?|passw(or)?d|secrets?|tokens?"
    r"|(access|admin|api|auth|encryption|fal|private|secret|signing)[_.-]?keys?)$",
    re.IGNORECASE,
)
_SECRET_IN_TEXT = re.compile(r"(?<=://)[^/\s@]+(?=@)|(?<=\bBearer )\S+", re.IGNORECASE)
_REDACTED: Final = "[redacted]"

bound = structlog.contextvars.bound_contextvars
"""``with bound(request_id=...)``: every line written for this request, in its threads too, carries it."""


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module."""
    found: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return found


def access_logger() -> structlog.stdlib.BoundLogger:
    """The logger for one line per request: it writes to ``access.log`` and not to ``application.log``."""
    return logger(_ACCESS_LOGGER)


def configure(
    level: str = "INFO",
    folder: Path | None = None,
    console: bool = False,
    application_file: Path | None = None,
    is_worker: bool = False,
) -> None:
    """Send all logs of this process to standard error and, with a folder, to files in it; again replaces.

    Lines of jobs go to ``celery_worker.log``, their errors to ``celery_errors.log`` as well, and all else to
    ``application.log``; a process that ``is_worker`` writes of nothing but jobs. ``application_file`` takes the place
    of ``application.log``. ``console`` makes lines for people instead of JSON on standard error. The files are opened
    anew when something else has moved them away. Raises ``StorageFailure`` when the folder cannot be written.
    """
    # A full disk is no reason to print the call stack of every line that could not be written.
    logging.raiseExceptions = False
    files = _files(LogFiles(folder, application_file), is_worker) if folder else {}
    access = files.pop("access", None)
    stderr = _StandardError()
    stderr.setFormatter(_formatter(_for_people() if console else _as_json()))

    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    _attach(logging.getLogger(), [stderr, *files.values()])
    _attach(logging.getLogger(_ACCESS_LOGGER), [stderr, access] if access else [stderr]).propagate = False
    for name in ("uvicorn", "uvicorn.error"):
        _attach(logging.getLogger(name), []).propagate = True
    # Its lines would repeat ours, without the request's id.
    _attach(logging.getLogger("uvicorn.access"), []).propagate = False

    logging.getLogger().setLevel(max(logging.WARNING, logging.getLevelNamesMapping()[level]))
    for name in _OUR_LOGGERS:
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(True)
    threading.excepthook = _log_dead_thread


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what standard error is at that moment, which a test or a supervisor may have exchanged."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


class _LogFile(WatchedFileHandler):
    """A file that is made anew, with its folder, when somebody moved or deleted it.

    A line that cannot be written is lost: the standard library's handler would raise, in whatever had something to say.
    """

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:
            self.handleError(record)

    def _open(self) -> Any:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()


def _files(files: LogFiles, is_worker: bool) -> dict[LogType, logging.Handler]:
    """What writes each of the files, and takes which lines."""
    handlers: dict[LogType, logging.Handler] = {}
    try:
        for type in LOG_TYPES:
            handlers[type] = _LogFile(files.path(type), encoding="utf-8")
            handlers[type].setFormatter(_formatter(_as_json()))
    except OSError as error:
        raise StorageFailure("The log files cannot be written: check LOG_DIR and LOG_FILE.") from error

    def is_work(record: logging.LogRecord) -> bool:
        return is_worker or _is_of_a_job(record)

    handlers["celery_worker"].addFilter(is_work)
    handlers["celery_errors"].addFilter(is_work)
    handlers["celery_errors"].setLevel(logging.ERROR)
    handlers["application"].addFilter(lambda record: not is_work(record))
    return handlers


def _is_of_a_job(record: logging.LogRecord) -> bool:
    """Whether the line was written by what keeps jobs, or by a thread in the middle of one."""
    by_name = record.name == _JOBS_LOGGER or record.name.startswith(f"{_JOBS_LOGGER}.")
    return by_name or "job_id" in structlog.contextvars.get_contextvars()


def _attach(logger: logging.Logger, handlers: list[logging.Handler]) -> logging.Logger:
    """Put handlers in the place of our earlier ones and of uvicorn's; strangers on the root logger stay."""
    for handler in list(logger.handlers):
        ours = isinstance(handler.formatter, structlog.stdlib.ProcessorFormatter)
        if ours or logger is not logging.root:
            logger.removeHandler(handler)
            handler.close()
    for handler in handlers:
        logger.addHandler(handler)
    return logger


def _log_dead_thread(args: threading.ExceptHookArgs) -> None:
    """A thread that ends by an exception leaves its traceback in the logs."""
    if args.exc_value is not None and not issubclass(args.exc_type, SystemExit):
        name = args.thread.name if args.thread else "unknown"
        logging.getLogger("imagequarry.threads").error("thread %s died", name, exc_info=args.exc_value)


def _shared() -> list[Processor]:
    """What is done to every event, whether it came through structlog or the standard library."""
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _as_json() -> list[Processor]:
    # The traceback becomes text before the secrets are looked for, so that it is searched too.
    return [structlog.processors.format_exc_info, _without_secrets, structlog.processors.JSONRenderer()]


def _for_people() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        _without_secrets,
        _without_control_characters,
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
    ]


def _formatter(processors: list[Processor]) -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *processors],
    )


def _without_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    # uvicorn says everything twice, once in colour.
    event.pop("color_message", None)
    return {name: _redacted(name, value) for name, value in event.items()}


def _redacted(name: str, value: Any) -> Any:
    """The value as JSON takes it, or what may be shown of it: judged by its name, and texts by their looks."""
    if _SECRET_NAME.search(name):
        return _REDACTED
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Mapping):
        return {str(key): _redacted(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_redacted("", inner) for inner in value]
    return _SECRET_IN_TEXT.sub(_REDACTED, str(value))


def _without_control_characters(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Escape what could steer the terminal: request paths and file names are strangers' words."""
    return {
        name: value.encode("unicode_escape").decode()
        if isinstance(value, str) and name != "exception" and not value.isprintable()
        else value
        for name, value in event.items()
    }
