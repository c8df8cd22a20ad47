"""Infinity, nan and their spellings, which parsers turn into numbers that poison every sum."""


def pieces():
    yield b"y,a,b\n" + b"1,2,1\n3,4,0\n" * 100 + b"inf,nan,1\nInfinity,-INF,0\n"
