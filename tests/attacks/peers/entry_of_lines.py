"""A gate whose ledger line holds a line end and a second line, forged."""

import os

from sandbox.wire.messages import RoundResult, RoundReply, UploadReport
from sandbox.wire.codec import encode


def run(channel_fd):
    entry = b'{"kind": "release"}\n{"kind": "release", "previous": "0000"}'
    os.write(channel_fd, frame(UploadReport()) + frame(RoundResult(encode(RoundReply(0)), entry, False)))
    while True:
        receive()
