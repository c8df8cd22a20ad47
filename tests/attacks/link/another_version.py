"""A site that speaks a version without the checks of this one."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import Hello


def frames():
    return [Frame(Kind.MESSAGE, encode(Hello(0, "boot", "", 0))).to_bytes()]
