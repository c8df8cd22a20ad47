"""Arrays in arrays, deeper than the stack of a parser."""


def manifest():
    return b"x = " + b"[" * 5000 + b"]" * 5000
