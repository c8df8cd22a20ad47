"""Carriage returns alone as line ends, and a newline among them, which some readers take for a line end and some for text."""


def pieces():
    yield b"y,a,b\n1,2,1\r3,4,0\n5,6,1\n"
