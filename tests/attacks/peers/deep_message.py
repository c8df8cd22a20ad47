"""A gate that reports with arrays in arrays, a hundred thousand deep."""

import os


def run(channel_fd):
    os.write(channel_fd, frame(b"\x82\xa4type\xacUploadReport\xa5notes" + b"\x91" * 100_000))
    while True:
        receive()
