"""A site that plays central."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import Welcome


def frames():
    return [Frame(Kind.MESSAGE, encode(Welcome(1, "boot", False, 0))).to_bytes()]
