"""Rows of separators among the others, each of which has to be taken out, and rows with separators behind the last column."""


def pieces():
    yield b"y,a,b\n"
    for number in range(64):
        yield b"%d,2.5,%d,,\n,,,\n" % (number % 7, number % 2) * 8_192
