"""A site that sends an order as central does."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import Hello, JobEnded


def frames():
    hello = Frame(Kind.MESSAGE, encode(Hello(1, "boot", "", 0))).to_bytes()
    return [hello, Frame(Kind.MESSAGE, encode(JobEnded("job", "FINISHED")), 1).to_bytes()]
