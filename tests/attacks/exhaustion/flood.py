"""Floods the channel with well-formed frames, so that whoever reads it does nothing else."""

import os
import struct


def run(data, params):
    frame = struct.pack("<2sBBII", b"TG", 1, 3, 0, 0) * 4096
    if params["is_control"]:
        reading, writing = os.pipe()
        return os.write(writing, frame)
    while True:
        os.write(3, frame)
