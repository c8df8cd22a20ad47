"""Makes a pair of sockets, to have descriptors to play with."""

import socket


def run(data, params):
    left, right = socket.socketpair()
    left.send(b"x")
    return right.recv(1)
