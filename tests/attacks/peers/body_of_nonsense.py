"""A gate whose answer to a round is no answer."""

import os

from sandbox.wire.messages import RoundResult, UploadReport


def run(channel_fd):
    os.write(channel_fd, frame(UploadReport(entry=b'{"kind": "upload"}')) + frame(RoundResult(b"\xc1\xc1", b'{"kind": "release"}', False)))
    while True:
        receive()
