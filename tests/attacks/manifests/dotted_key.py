"""A key of twenty thousand parts, over which the parser takes half a minute."""


def manifest():
    return b"a." * 20_000 + b"a = 1\n"
