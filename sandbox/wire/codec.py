"""Messages to bytes and back. The type of the message is the validation: unknown tags, fields and shapes are refused.

There is no pickle here, and nothing is ever built from a class name that a peer chose.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from sandbox.errors import Code, PeerError

Message = TypeVar("Message")

_encoder = msgspec.msgpack.Encoder()


def encode(message: msgspec.Struct) -> bytes:
    """The MessagePack bytes of `message`."""
    return _encoder.encode(message)


def encode_request(request: Mapping[str, object]) -> bytes:
    """The MessagePack bytes of the arguments of a step, whatever their order: for hashing."""
    return msgspec.msgpack.encode(request, order="deterministic")


class Decoder(Generic[Message]):
    """Reads one closed set of messages. `type_` is a Struct or a union of tagged Structs."""

    def __init__(self, type_: Any) -> None:
        self._decoder = msgspec.msgpack.Decoder(type_)

    def decode(self, data: bytes) -> Message:
        """The message in `data`; raises :class:`PeerError` for anything that is not one of the set, whatever the bytes."""
        try:
            message: Message = self._decoder.decode(data)
        except (msgspec.DecodeError, ValueError, RecursionError, OverflowError) as error:
            raise PeerError(Code.WIRE_MESSAGE) from error
        return message
