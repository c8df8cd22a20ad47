"""A million numbers that may be thousands or decimals, of which every place is remembered until the end."""


def pieces():
    yield b"y,a,b\n"
    for _ in range(16):
        yield b"1.299,2.500,1\n1.299,2.500,0\n" * 8_192
