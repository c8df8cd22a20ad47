"""A site that leaves a message out, to have the one after it taken for another."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import PROTOCOL, Hello, SiteCancel


def frames():
    hello = Frame(Kind.MESSAGE, encode(Hello(PROTOCOL, "boot", "", 0))).to_bytes()
    return [hello, Frame(Kind.MESSAGE, encode(SiteCancel("job")), 2).to_bytes()]
