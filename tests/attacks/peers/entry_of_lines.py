"""A gate whose ledger line holds a line end and a second line, forged."""

import os

from sandbox.wire.codec import encode
from sandbox.wire.messages import RoundReply, RoundResult, UploadReport


def run(channel_fd):
    entry = b'{"kind": "release"}\n{"kind": "release", "previous": "0000"}'
    os.write(channel_fd, frame(UploadReport(entry=b'{"kind": "upload"}')) + frame(RoundResult(encode(RoundReply(0)), entry, False)))
    while True:
        receive()
