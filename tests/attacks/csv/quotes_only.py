"""Eight megabytes of quotes, each of which opens or closes or doubles."""


def pieces():
    yield b"y,a,b\n1,2,"
    for _ in range(32):
        yield b'"' * 262_144
