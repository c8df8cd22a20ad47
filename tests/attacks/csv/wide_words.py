"""Two thousand columns of words, each of which is tried as a number."""


def pieces():
    names = [b"c%d" % number for number in range(2000)]
    yield b"y,a,b," + b",".join(names) + b"\n"
    for number in range(300):
        yield b"%d,%d,%d," % (number % 7, number % 13, number % 2) + b",".join([b"word"] * 2000) + b"\n"
