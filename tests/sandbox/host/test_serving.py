"""How both hosts are served: by the address of the socket, whatever a header claims."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.remote.standin import served


async def tell(request: Request) -> PlainTextResponse:
    return PlainTextResponse(f"{request.url.scheme} {request.client.host if request.client else None}")


@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "https"}])
async def test_no_header_says_where_a_request_came_from(headers: dict[str, str]) -> None:
    async with served(Starlette(routes=[Route("/", tell)])) as port, httpx.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/", headers=headers)
    assert answer.text == "http 127.0.0.1"
    assert "server" not in answer.headers
