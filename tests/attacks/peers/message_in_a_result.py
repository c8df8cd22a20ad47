"""A gate that puts a message between the pieces of a result, to have it downloaded as part of the archive."""

import os

from sandbox.wire.codec import encode
from sandbox.wire.messages import Acknowledged, RoundReply, RoundResult, UploadReport


def run(channel_fd):
    os.write(channel_fd, frame(UploadReport(entry=b'{"kind": "upload"}')) + frame(RoundResult(encode(RoundReply(0)), b'{"kind": "release"}', False)))
    os.write(channel_fd, frame(b"PK", 2) + frame(Acknowledged()))
    while True:
        receive()
