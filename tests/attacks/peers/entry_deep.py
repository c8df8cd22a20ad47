"""A gate whose ledger line is nested a hundred thousand deep."""

import os

from sandbox.wire.messages import RoundResult, RoundReply, UploadReport
from sandbox.wire.codec import encode


def run(channel_fd):
    while receive().kind != 3:
        pass
    os.write(channel_fd, frame(UploadReport()) + frame(RoundResult(encode(RoundReply(0)), b'{"a":' * 100_000, False)))
    while True:
        receive()
