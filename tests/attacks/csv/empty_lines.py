"""Four million empty lines."""


def pieces():
    yield b"y,a,b\n"
    for _ in range(16):
        yield b"\n" * 262_144
