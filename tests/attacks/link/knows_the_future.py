"""A site that claims at once to have received more than was sent; central does not know it, so nothing is left to claim."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import PROTOCOL, Hello


def frames():
    return [Frame(Kind.MESSAGE, encode(Hello(PROTOCOL, "boot", "central-boot", 2**62))).to_bytes()]
