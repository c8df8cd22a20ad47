"""A megabyte of commas for a header: a million columns without a name."""


def pieces():
    yield b"," * 1_000_000 + b"\n"
    yield b"," * 1_000_000 + b"\n"
