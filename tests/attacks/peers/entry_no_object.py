"""A gate whose ledger line is a list."""

import os

from sandbox.wire.codec import encode
from sandbox.wire.messages import RoundReply, RoundResult, UploadReport


def run(channel_fd):
    os.write(channel_fd, frame(UploadReport(entry=b'{"kind": "upload"}')) + frame(RoundResult(encode(RoundReply(0)), b"[1, 2]", False)))
    while True:
        receive()
