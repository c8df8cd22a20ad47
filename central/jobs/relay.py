"""A stream from a gate to a browser that may go away at any moment.

The web server cancels a response whose reader left, in the middle of an `await`. The gate must be read to the end of its stream all the
same, else the next download would begin in the middle of this one; so a task of its own reads, and throws away what nobody wants.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

MAX_CHUNKS: Final = 8

_readers: Final[set[asyncio.Task[None]]] = set()
"""The event loop holds tasks weakly; a reader outlives the response it was made for."""


async def relay(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks of `source`, which is read to its end even when nobody asks for more. Raises what `source` raises."""
    queue: asyncio.Queue[bytes] = asyncio.Queue(MAX_CHUNKS)
    is_left = False

    async def read() -> None:
        async for chunk in source:
            if not is_left:
                await queue.put(chunk)

    reader = asyncio.create_task(read())
    _readers.add(reader)
    reader.add_done_callback(_retire)
    try:
        while not (queue.empty() and reader.done()):
            next_chunk = asyncio.ensure_future(queue.get())
            try:
                await asyncio.wait((next_chunk, reader), return_when=asyncio.FIRST_COMPLETED)
            finally:
                # Also when the response is cancelled here: nobody else would end it.
                if not next_chunk.done():
                    next_chunk.cancel()
            if not next_chunk.cancelling():
                yield next_chunk.result()
        await reader
    finally:
        is_left = True
        while not queue.empty():
            queue.get_nowait()


def _retire(reader: asyncio.Task[None]) -> None:
    _readers.discard(reader)
    if not reader.cancelled():
        # Seen, so that asyncio does not report it when the response left first.
        reader.exception()
