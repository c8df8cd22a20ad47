"""A gate that leaves."""


def run(channel_fd):
    return
