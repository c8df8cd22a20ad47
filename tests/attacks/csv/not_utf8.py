"""Bytes that are no UTF-8."""


def pieces():
    yield b"y,a,b\n1,\xff\xfe,1\n4,5,0\n"
