"""A site that introduces itself again in the middle, as another process, to have everything forgotten."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import PROTOCOL, Hello


def frames():
    return [Frame(Kind.MESSAGE, encode(Hello(PROTOCOL, boot, "", 0))).to_bytes() for boot in ("one", "two")]
