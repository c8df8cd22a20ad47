"""A site that acknowledges what was never sent, so that it is never sent again."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import PROTOCOL, Ack, Hello


def frames():
    hello = Frame(Kind.MESSAGE, encode(Hello(PROTOCOL, "boot", "", 0))).to_bytes()
    return [hello, Frame(Kind.MESSAGE, encode(Ack(2**62))).to_bytes()]
