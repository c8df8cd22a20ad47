"""Reads its own environment, as it was at exec, from /proc."""


def run(data, params):
    with open("/proc/self/environ", "rb") as file:
        return params["variable"].encode() in file.read()
