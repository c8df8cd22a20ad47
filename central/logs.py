"""Logs of central: JSON lines on standard error, with job and site ids.

Never a value of a data set, never the text of an exception: an exception is logged as its type and the place that raised it.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

N_FRAMES: Final = 6


def set_up_logging(level: int = logging.INFO) -> None:
    """Send structlog and the standard library's loggers (uvicorn, alembic) through the same processors."""
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        place_of_exception,
    ]
    structlog.configure(
        processors=[*processors, structlog.processors.JSONRenderer(sort_keys=True)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processor=structlog.processors.JSONRenderer(sort_keys=True), foreign_pre_chain=processors, use_get_message=False
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


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
