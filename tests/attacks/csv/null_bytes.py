"""NUL within cells, at which C code ends a text."""


def pieces():
    yield b"y,a,b\n1,2\x003,1\n4,5,0\n"
