"""The log is JSON lines, and neither the text of an exception nor an argument gets into it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from sandbox.host.logs import set_up_logging


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    made = io.StringIO()
    set_up_logging(stream=made)
    yield made
    structlog.reset_defaults()
    root.handlers[:], root.level = before


def test_the_text_of_an_exception_is_not_logged(stream: io.StringIO) -> None:
    try:
        float("patient 4711")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["error"]) == ("Exception in ASGI application", "ValueError")
    assert "4711" not in stream.getvalue()
    assert line["at"]


def test_arguments_of_libraries_are_not_logged(stream: io.StringIO) -> None:
    logging.getLogger("library").warning("cannot read %s", "patient 4711")
    assert "4711" not in stream.getvalue()


def test_events_are_json_lines_with_time_and_level(stream: io.StringIO) -> None:
    structlog.get_logger().info("run.started", job="j1")
    line = json.loads(stream.getvalue())
    assert (line["event"], line["job"], line["level"]) == ("run.started", "j1", "info")
    assert "timestamp" in line
