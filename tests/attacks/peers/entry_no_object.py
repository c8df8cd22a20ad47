"""A gate whose ledger line is a list."""

import os

from sandbox.wire.messages import RoundResult, RoundReply, UploadReport
from sandbox.wire.codec import encode


def run(channel_fd):
    os.write(channel_fd, frame(UploadReport()) + frame(RoundResult(encode(RoundReply(0)), b"[1, 2]", False)))
    while True:
        receive()
