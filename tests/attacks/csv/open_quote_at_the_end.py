"""A quote that is still open when the file ends."""


def pieces():
    yield b'y,a,b\n1,2,1\n3,4,"0'
