"""Speaks to the gate as a site speaks to central."""

import os

from sandbox.wire.link import SiteReply


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(SiteReply("attack", 1, b"rows")))
