"""Overruns the native stack with a chain of iterators that is taken apart recursively."""


def run(data, params):
    chain = iter((1,))
    for _ in range(100 if params["is_control"] else 300_000):
        chain = map(abs, chain)
    return list(chain)
