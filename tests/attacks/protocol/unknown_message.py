"""Answers with a message of a type that is not there."""

import os

import msgspec


def run(channel_fd):
    receive()
    os.write(channel_fd, frame(msgspec.msgpack.encode({"type": "Execute", "command": "id"})))
