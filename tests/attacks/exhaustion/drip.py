"""Sends an answer byte by byte, slowly, to hold whoever waits for it."""

import os
import struct


def run(data, params):
    for byte in struct.pack("<2sBBII", b"TG", 1, 2, 0, 1 << 20):
        for _ in range(100 if params["is_control"] else 3_000_000):
            pass
        os.write(1 if params["is_control"] else 3, bytes([byte]))
    while not params["is_control"]:
        pass
    return True
