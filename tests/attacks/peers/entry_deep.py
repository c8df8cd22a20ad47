"""A gate whose ledger line is nested a hundred thousand deep."""

import os

from sandbox.wire.codec import encode
from sandbox.wire.messages import RoundReply, RoundResult, UploadReport


def run(channel_fd):
    while receive().kind != 3:
        pass
    os.write(channel_fd, frame(UploadReport(entry=b'{"kind": "upload"}')) + frame(RoundResult(encode(RoundReply(0)), b'{"a":' * 100_000, False)))
    while True:
        receive()
