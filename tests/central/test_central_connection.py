"""What goes out on a connection: in order, whoever sends it; bounded, when the peer does not read."""

from __future__ import annotations

import asyncio

import pytest
from starlette.websockets import WebSocketDisconnect, WebSocketState
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from central.hub.connection import Connection
from central.server import LinkProtocol
from sandbox.outgoing import MAX_WAITING
from sandbox.wire.link import CloseCode


class Deaf:
    """A WebSocket whose peer never reads."""

    application_state = WebSocketState.CONNECTED

    async def send_bytes(self, data: bytes) -> None:
        await asyncio.Event().wait()


class Reader:
    """A WebSocket whose peer reads when `reads` is set; what it got, the close code last."""

    application_state = WebSocketState.CONNECTED

    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.got: list[bytes | int] = []

    async def send_bytes(self, data: bytes) -> None:
        await self.reads.wait()
        self.got.append(data)

    async def close(self, code: int) -> None:
        self.got.append(code)


async def test_a_peer_that_does_not_read_is_closed_before_it_takes_memory():
    connection = Connection(Deaf())
    writer = asyncio.create_task(connection.run_writer())
    await asyncio.sleep(0)
    connection.send([b"pong"] * MAX_WAITING)
    assert not connection.is_closing
    connection.send([b"pong"] * 10 * MAX_WAITING)
    assert connection.is_closing
    assert connection._close_code == CloseCode.PROTOCOL
    assert len(connection._outgoing._waiting) == MAX_WAITING
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)


async def test_what_is_written_is_out_when_the_call_returns():
    reader = Reader()
    reader.reads.set()
    connection = Connection(reader)
    await connection.write([b"1", b"2"])
    assert reader.got == [b"1", b"2"]


async def test_frames_arrive_in_order_whichever_way_they_are_sent():
    reader = Reader()
    connection = Connection(reader)
    writer = asyncio.create_task(connection.run_writer())
    connection.send([b"1"])
    first = asyncio.create_task(connection.write([b"2"]))
    await asyncio.sleep(0)
    connection.send([b"3"])
    await connection.write([b"4"])
    connection.close(CloseCode.REVOKED)
    connection.send([b"too late"])
    reader.reads.set()
    await asyncio.gather(writer, first)
    assert [frame for frame in reader.got if frame != CloseCode.REVOKED] == [b"1", b"2", b"3", b"4"]


async def test_a_write_that_is_given_up_loses_nothing_and_holds_up_nobody():
    reader = Reader()
    connection = Connection(reader)
    writer = asyncio.create_task(connection.run_writer())
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(connection.write([b"1", b"2"]), 0.01)
    reader.reads.set()
    connection.send([b"3"])
    connection.close(CloseCode.REVOKED)
    await writer
    assert reader.got == [b"1", b"2", b"3", CloseCode.REVOKED]


async def test_a_write_to_a_peer_that_is_gone_is_no_error():
    class Gone(Reader):
        async def send_bytes(self, data: bytes) -> None:
            raise WebSocketDisconnect(1006)

    await Connection(Gone()).write([b"1"])


@pytest.mark.parametrize("error", [None, InvalidState("connection is closing")])
def test_a_peer_that_closes_while_the_server_stops_does_not_keep_it_from_stopping(monkeypatch, error: Exception | None) -> None:
    class Transport:
        is_closed = False

        def close(self) -> None:
            self.is_closed = True

    def shutdown(protocol: LinkProtocol) -> None:
        if error is not None:
            raise error
        protocol.transport.close()

    monkeypatch.setattr(WebSocketsSansIOProtocol, "shutdown", shutdown)
    protocol = object.__new__(LinkProtocol)
    protocol.transport = Transport()
    protocol.shutdown()
    assert protocol.transport.is_closed
