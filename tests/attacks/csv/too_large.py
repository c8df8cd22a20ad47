"""More rows than the memory of a gate may hold."""


def pieces():
    yield b"y,a,b\n"
    for _ in range(100):
        yield b"1,2,1\n3,4,0\n" * 50_000
