"""A number with an exponent of a hundred thousand digits."""


def pieces():
    yield b"y,a,b\n1,1e" + b"9" * 100_000 + b",1\n2,3,0\n"
