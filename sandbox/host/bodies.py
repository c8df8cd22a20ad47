"""A limit on the size of request bodies. ASGI middleware; uploads of data sets pass, the gate limits those itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.errors import Code, LimitError
from sandbox.host.problems import Answer

MAX_BODY_BYTES: Final = 2 << 20


class BodyLimit:
    """Refuses bodies above `max_bytes` (413), except where `is_stream` says that the path takes a stream."""

    def __init__(self, app: ASGIApp, is_stream: Callable[[str], bool], answer: Answer, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._is_stream = is_stream
        self._answer = answer
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the inner application with a `receive` that counts."""
        if scope["type"] != "http" or self._is_stream(scope["path"]):
            await self._app(scope, receive, send)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > self._max_bytes:
            await self._refuse(scope, receive, send)
            return
        n_bytes = 0

        async def counted() -> Message:
            nonlocal n_bytes
            message = await receive()
            n_bytes += len(message.get("body", b""))
            if n_bytes > self._max_bytes:
                raise LimitError(Code.REQUEST_TOO_LARGE, limit=self._max_bytes)
            return message

        async def send_unless_too_large(message: Message) -> None:
            # What reads a body takes any error for a malformed one, and would answer so.
            if n_bytes <= self._max_bytes:
                await send(message)

        await self._app(scope, counted, send_unless_too_large)
        if n_bytes > self._max_bytes:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(Request(scope), LimitError(Code.REQUEST_TOO_LARGE, limit=self._max_bytes))(scope, receive, send)
