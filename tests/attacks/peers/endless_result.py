"""A gate whose result comes in drops without end: each piece is in time, all of them never are."""

import os

from sandbox.wire.messages import RoundResult, RoundReply, UploadReport
from sandbox.wire.codec import encode


def run(channel_fd):
    os.write(channel_fd, frame(UploadReport()) + frame(RoundResult(encode(RoundReply(0)), b'{"kind": "release"}', False)))
    for _ in range(3):
        receive()
    while True:
        receive()
