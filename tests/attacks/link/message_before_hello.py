"""A site that speaks before it has said who it is."""

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import SiteCancel


def frames():
    return [Frame(Kind.MESSAGE, encode(SiteCancel("another job")), 1).to_bytes()]
