"""A megabyte of commas in each of two lines: nothing, as rows of separators that a spreadsheet appends are."""


def pieces():
    yield b"," * 1_000_000 + b"\n"
    yield b"," * 1_000_000 + b"\n"
