"""A gate that reports with a pickle which runs a command when it is read."""

import os
import pickle


class Bomb:
    def __reduce__(self):
        return os.system, ("exit 3",)


def run(channel_fd):
    os.write(channel_fd, frame(pickle.dumps(Bomb())))
    while True:
        receive()
