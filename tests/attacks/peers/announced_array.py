"""A gate that announces four billion findings in a message of a few bytes."""

import os


def run(channel_fd):
    os.write(channel_fd, frame(b"\x82\xa4type\xacUploadReport\xa8findings\xdd\xff\xff\xff\xff"))
    while True:
        receive()
