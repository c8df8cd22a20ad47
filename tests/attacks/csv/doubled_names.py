"""Two hundred thousand times the same name."""


def pieces():
    yield b"y,a,b" + b",x" * 200_000 + b"\n"
