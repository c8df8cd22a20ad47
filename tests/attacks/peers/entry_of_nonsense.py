"""A gate whose ledger line is no JSON, to break the chain of its host."""

import os

from sandbox.wire.messages import RoundResult, RoundReply, UploadReport
from sandbox.wire.codec import encode


def run(channel_fd):
    os.write(channel_fd, frame(UploadReport()) + frame(RoundResult(encode(RoundReply(0)), b'{"kind": ', False)))
    while True:
        receive()
