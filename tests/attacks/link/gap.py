"""A site that leaves a message out, to have the one after it taken for another."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import Hello, SiteCancel


def frames():
    hello = Frame(Kind.MESSAGE, encode(Hello(1, "boot", "", 0))).to_bytes()
    return [hello, Frame(Kind.MESSAGE, encode(SiteCancel("job")), 2).to_bytes()]
