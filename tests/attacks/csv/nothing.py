"""No byte at all."""


def pieces():
    yield from ()
