"""A quote that is never closed, and lines behind it that all belong to one cell."""


def pieces():
    yield b'y,a,b\n1,"2,1\n'
    for _ in range(40):
        yield b"1,2,1\n" * 40_000
