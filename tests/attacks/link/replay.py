"""A site, or somebody on the way, that sends a message again: it is delivered once."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import PROTOCOL, Hello, SiteCancel


def frames():
    hello = Frame(Kind.MESSAGE, encode(Hello(PROTOCOL, "boot", "", 0))).to_bytes()
    cancel = Frame(Kind.MESSAGE, encode(SiteCancel("job")), 1).to_bytes()
    return [hello, *[cancel] * 1000]
