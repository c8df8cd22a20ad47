"""A site that hides bytes behind a frame."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import Hello


def frames():
    return [Frame(Kind.MESSAGE, encode(Hello(1, "boot", "", 0))).to_bytes() + b"more"]
