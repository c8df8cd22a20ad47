"""A line with more cells than the header, which would shift all that follow."""


def pieces():
    yield b"y,a,b\n1,2,1\n1,2,1,4\n"
