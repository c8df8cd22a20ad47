"""The relay reads a gate's stream to its end, whoever listens."""

from __future__ import annotations

import asyncio

import pytest

from central.jobs.relay import MAX_CHUNKS, relay
from sandbox.errors import Code, PeerError

N_CHUNKS = 5 * MAX_CHUNKS


class Source:
    """Counts how far it was read."""

    def __init__(self, error: Exception | None = None) -> None:
        self.n_read = 0
        self.error = error

    async def chunks(self):
        for number in range(N_CHUNKS):
            await asyncio.sleep(0)
            self.n_read += 1
            yield bytes([number])
        if self.error is not None:
            raise self.error


async def test_everything_arrives_in_order():
    assert [chunk async for chunk in relay(Source().chunks())] == [bytes([number]) for number in range(N_CHUNKS)]


async def test_a_source_is_read_to_its_end_when_the_reader_leaves():
    source = Source()
    stream = relay(source.chunks())
    await anext(stream)
    await stream.aclose()
    for _ in range(10 * N_CHUNKS):
        await asyncio.sleep(0)
    assert source.n_read == N_CHUNKS


async def test_a_source_is_not_read_faster_than_it_is_taken():
    source = Source()
    stream = relay(source.chunks())
    await anext(stream)
    for _ in range(10 * N_CHUNKS):
        await asyncio.sleep(0)
    assert source.n_read <= MAX_CHUNKS + 3
    await stream.aclose()


async def test_a_failure_of_the_source_reaches_the_reader():
    stream = relay(Source(PeerError(Code.GATE_DIED)).chunks())
    for number in range(N_CHUNKS):
        assert await anext(stream) == bytes([number])
    with pytest.raises(PeerError):
        await anext(stream)
