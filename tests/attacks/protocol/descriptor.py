"""Sends the gate a descriptor (SCM_RIGHTS); the filter does not let it, and what it raises ends it."""

import ctypes
import struct


def run(channel_fd):
    receive()
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(b"F", 1)
    vector = ctypes.create_string_buffer(struct.pack("@PQ", ctypes.addressof(text), 1), 16)
    rights = ctypes.create_string_buffer(struct.pack("@Qiii", 20, 1, 1, channel_fd), 24)
    head = struct.pack("@PIxxxxPQPQi", 0, 0, ctypes.addressof(vector), 1, ctypes.addressof(rights), 24, 0)
    if libc.sendmsg(channel_fd, ctypes.create_string_buffer(head, 56), 0) < 0:
        raise OSError(ctypes.get_errno(), "sendmsg")
    while True:
        receive()
