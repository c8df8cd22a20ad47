"""A site that hides bytes behind a frame."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import PROTOCOL, Hello


def frames():
    return [Frame(Kind.MESSAGE, encode(Hello(PROTOCOL, "boot", "", 0))).to_bytes() + b"more"]
