"""How a route gets at the parts its application was built with: by their class.

Jobs = Annotated[JobService, Depends(part(JobService))]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fastapi import FastAPI
from starlette.requests import HTTPConnection

T = TypeVar("T")


def keep_parts(app: FastAPI, *parts: object) -> None:
    """Keep `parts`, one of a class, for the routes of `app`."""
    app.state.parts = parts


def part(kind: type[T]) -> Callable[[HTTPConnection], T]:
    """A dependency that finds the part of a class. It raises `LookupError` for one that the application does not have."""

    def find(connection: HTTPConnection) -> T:
        for candidate in connection.app.state.parts:
            if isinstance(candidate, kind):
                return candidate
        raise LookupError(kind.__name__)

    return find
