"""UTF-16 that ends within a letter of two units, and is cut at every byte on its way."""

FILE = "y,a,b\n1,2,😀\n".encode("utf-16-le")[:-4]


def pieces():
    yield b"\xff\xfe"
    for byte in FILE:
        yield bytes([byte])
