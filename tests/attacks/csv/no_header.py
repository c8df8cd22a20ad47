"""Data in the first line, which would be told to everybody as names of columns."""


def pieces():
    yield b"63.7,121,1\n55.2,99,0\n"
