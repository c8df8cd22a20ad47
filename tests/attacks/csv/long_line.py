"""A line without an end."""


def pieces():
    yield b"y,a,b\n1,2,1\n"
    for _ in range(40):
        yield b"7" * 262_144
