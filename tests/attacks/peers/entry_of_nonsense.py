"""A gate whose ledger line is no JSON, to break the chain of its host."""

import os

from sandbox.wire.codec import encode
from sandbox.wire.messages import RoundReply, RoundResult, UploadReport


def run(channel_fd):
    os.write(channel_fd, frame(UploadReport(entry=b'{"kind": "upload"}')) + frame(RoundResult(encode(RoundReply(0)), b'{"kind": ', False)))
    while True:
        receive()
