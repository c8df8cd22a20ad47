"""Reads its own memory map."""


def run(data, params):
    with open("/proc/self/maps") as file:
        return file.read(256)
