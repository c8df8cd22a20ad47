"""Computes for ever."""


def run(data, params):
    n = 0
    while n < 10_000 or not params["is_control"]:
        n += 1
    return n
