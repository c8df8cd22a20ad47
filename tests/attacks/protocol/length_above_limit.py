"""Announces one byte more than a worker's answer may have."""

import os


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(b"")[:8] + ((8 << 20) + 1).to_bytes(4, "little"))
