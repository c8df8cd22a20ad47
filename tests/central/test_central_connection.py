"""A peer that asks and does not read: what waits for it is bounded."""

from __future__ import annotations

import asyncio

from starlette.websockets import WebSocketState

from central.hub.connection import CLOSE_PROTOCOL, MAX_WAITING, Connection


class Deaf:
    """A WebSocket whose peer never reads."""

    application_state = WebSocketState.CONNECTED

    async def send_bytes(self, data: bytes) -> None:
        await asyncio.Event().wait()


async def test_a_peer_that_does_not_read_is_closed_before_it_takes_memory():
    connection = Connection(Deaf())
    writer = asyncio.create_task(connection.run_writer())
    await asyncio.sleep(0)
    connection.send([b"pong"] * MAX_WAITING)
    assert not connection.is_closing
    connection.send([b"pong"] * 10 * MAX_WAITING)
    assert connection.is_closing
    assert connection._close_code == CLOSE_PROTOCOL
    assert connection._outgoing.qsize() <= MAX_WAITING + 1
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
