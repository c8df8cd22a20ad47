"""A quote in the middle of a cell, where two readers see two tables."""


def pieces():
    yield b'y,a,b\n1,2"3,1\n4,5"6,0\n'
