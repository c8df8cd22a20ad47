"""Bytes that are neither UTF-8 nor Windows-1252."""


def pieces():
    yield b"y,a,b\n1,\x81\x8d,1\n4,5,0\n"
