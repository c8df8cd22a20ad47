"""A site that fails with a text of its own, to have it shown to everybody."""

import msgspec

from sandbox.wire.codec import encode
from sandbox.wire.frames import Frame, Kind
from sandbox.wire.link import PROTOCOL, Hello


def frames():
    hello = Frame(Kind.MESSAGE, encode(Hello(PROTOCOL, "boot", "", 0))).to_bytes()
    failed = msgspec.msgpack.encode({"type": "SiteFailed", "job_id": "job", "code": "<script>alert(1)</script>"})
    return [hello, Frame(Kind.MESSAGE, failed, 1).to_bytes()]
