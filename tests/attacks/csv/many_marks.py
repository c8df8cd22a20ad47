"""Byte order marks in a row, of which one is dropped: the rest belongs to a name."""


def pieces():
    yield b"\xef\xbb\xbf" * 1000 + b"y,a,b\n1,2,1\n3,4,0\n"
