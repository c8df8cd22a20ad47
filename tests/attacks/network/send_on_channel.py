"""Uses calls of sockets on its own channel, which can say more than write can."""

import ctypes
import socket


def run(data, params):
    descriptor = 3
    if params["is_control"]:
        left, right = socket.socketpair()
        descriptor = left.fileno()
    libc = ctypes.CDLL(None, use_errno=True)
    head = ctypes.create_string_buffer(56)
    if libc.sendmsg(descriptor, head, 0) < 0:
        raise OSError(ctypes.get_errno(), "sendmsg")
    return True
