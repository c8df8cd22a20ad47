"""The web application that both hosts are made of: failures, parts, shared static files, and the guards of every request."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from sandbox.host.bodies import BodyLimit
from sandbox.host.headers import SecurityHeaders
from sandbox.host.origin import OriginCheck
from sandbox.host.pages import Pages
from sandbox.host.parts import keep_parts
from sandbox.host.problems import Problem, Problems
from sandbox.pages.templates import STATIC

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


class Application(FastAPI):
    """FastAPI whose every answer has the security headers, also that of a failure of ours."""

    def build_middleware_stack(self) -> ASGIApp:
        """The stack of FastAPI, inside the headers."""
        return SecurityHeaders(super().build_middleware_stack())


def make_application(title: str, *, lifespan: Lifespan, pages: Pages, names: Collection[str], parts: Collection[object]) -> FastAPI:
    """An application without routes. It answers to `names` only, and takes long bodies only where data are uploaded.

    `parts` are found by their class, see :mod:`sandbox.host.parts`.
    """
    app = Application(
        title=title,
        version=version("tidegate"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        responses={
            "4XX": {"model": Problem, "description": "What is wrong, and what to do"},
            "5XX": {"model": Problem, "description": "The server, a gate or a peer failed"},
        },
    )
    keep_parts(app, pages, *parts)
    app.mount("/static/shared", StaticFiles(directory=STATIC))
    problems = Problems(pages.show_problem)
    problems.install(app)
    # The last one added is the outermost, but for the one that answers when the server fails, which is outside all of them.
    app.add_middleware(BodyLimit, is_stream=is_upload, answer=problems.answer)
    app.add_middleware(OriginCheck, names=names, answer=problems.answer)
    return app


def is_upload(path: str) -> bool:
    """Whether a data set is uploaded here: it streams into a gate, which has limits of its own."""
    return path.startswith("/api/jobs/") and path.endswith("/data")
