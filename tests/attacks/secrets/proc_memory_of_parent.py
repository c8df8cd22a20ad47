"""Reads the memory of its parent through /proc."""

import os


def run(data, params):
    with open(f"/proc/{os.getppid()}/mem", "rb", buffering=0) as memory:
        with open(f"/proc/{os.getppid()}/maps") as maps:
            for line in maps:
                bounds, mode = line.split()[:2]
                if mode.startswith("rw"):
                    memory.seek(int(bounds.split("-")[0], 16))
                    return memory.read(64)
