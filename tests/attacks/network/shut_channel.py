"""Shuts one direction of its channel down, to confuse the other end."""

import ctypes
import socket


def run(data, params):
    number = 3
    if params["is_control"]:
        left, right = socket.socketpair()
        number = left.fileno()
    return ctypes.CDLL(None).shutdown(number, 0) == 0
