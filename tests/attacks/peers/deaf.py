"""A gate that reads nothing of an upload, so that its host cannot write on."""

def run(channel_fd):
    while True:
        pass
