"""A site that sends an order as central does."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import PROTOCOL, Hello, JobEnded, JobState


def frames():
    hello = Frame(Kind.MESSAGE, encode(Hello(PROTOCOL, "boot", "", 0))).to_bytes()
    return [hello, Frame(Kind.MESSAGE, encode(JobEnded("job", JobState.FINISHED)), 1).to_bytes()]
