"""A megabyte of commas and a name for a header: a million columns without a name."""


def pieces():
    yield b"," * 1_000_000 + b"y\n"
    yield b"," * 1_000_000 + b"1\n"
