"""Logs of a host: JSON lines on standard error, with job and site ids.

Never a value of a data set, never the text of an exception: an exception is logged as its type and the places it passed.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

N_FRAMES: Final = 6


def set_up_logging(level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's loggers (uvicorn, alembic, websockets) through the same processors to `stream`."""
    target = stream or sys.stderr
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        place_of_exception,
    ]
    structlog.configure(
        processors=[*processors, structlog.processors.JSONRenderer(sort_keys=True)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processor=structlog.processors.JSONRenderer(sort_keys=True),
        foreign_pre_chain=[structlog.stdlib.add_logger_name, first_line, *processors],
        # The template, not the finished message: arguments are other people's text.
        use_get_message=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def first_line(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep the first line of a library's message: the others are a traceback, or somebody's text."""
    event["event"] = str(event.get("event", "")).partition("\n")[0]
    return event


def place_of_exception(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Replace an exception by its type and where it was raised: its text may quote what must not be logged."""
    given = event.pop("exc_info", None)
    if not given:
        return event
    error = given if isinstance(given, BaseException) else (given[1] if isinstance(given, tuple) else sys.exc_info()[1])
    if error is not None:
        event["error"] = type(error).__qualname__
        event["at"] = places(error)
    return event


def places(error: BaseException) -> list[str]:
    """The innermost frames of `error` as `file:line`, outermost first."""
    found = []
    frame = error.__traceback__
    while frame is not None:
        found.append(f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}")
        frame = frame.tb_next
    return found[-N_FRAMES:]
