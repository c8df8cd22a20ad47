"""Answers with a pickle that runs a command when it is read."""

import os
import pickle


class Bomb:
    def __reduce__(self):
        return os.system, ("exit 3",)


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(pickle.dumps(Bomb())))
