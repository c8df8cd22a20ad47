"""A gate that never reports."""


def run(channel_fd):
    while True:
        receive()
