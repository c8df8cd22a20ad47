"""A gate that stops reading in the middle of an upload, so that its host would wait for ever for room to write."""


def run(channel_fd):
    receive()
    while True:
        pass
