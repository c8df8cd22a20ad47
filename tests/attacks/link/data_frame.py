"""A site that opens a stream of rows on the link."""

from sandbox.wire.frames import Frame, Kind


def frames():
    return [Frame(Kind.DATA, b"1,2,3").to_bytes()]
