"""A table with a name of twenty thousand parts."""


def manifest():
    return b"[" + b"a." * 20_000 + b"a]\n"
