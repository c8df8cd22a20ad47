"""A column of True and False, which pandas reads as 1 and 0."""


def pieces():
    yield b"y,a,b\n" + b"1,True,1\n3,False,0\n" * 100
