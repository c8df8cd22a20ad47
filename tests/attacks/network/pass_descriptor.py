"""Passes a descriptor to the other end of its channel (SCM_RIGHTS)."""

import ctypes
import socket
import struct


def run(data, params):
    number = 3
    if params["is_control"]:
        left, right = socket.socketpair()
        number = left.fileno()
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(b"F", 1)
    vector = ctypes.create_string_buffer(struct.pack("@PQ", ctypes.addressof(text), 1), 16)
    rights = ctypes.create_string_buffer(struct.pack("@Qiii", 20, 1, 1, number), 24)
    head = struct.pack("@PIxxxxPQPQi", 0, 0, ctypes.addressof(vector), 1, ctypes.addressof(rights), 24, 0)
    if libc.sendmsg(number, ctypes.create_string_buffer(head, 56), 0) < 0:
        raise OSError(ctypes.get_errno(), "sendmsg")
    return True
