"""Two hundred columns of numbers that end in a word, so that each is tried whole before it is given up."""


def pieces():
    names = [b"c%d" % number for number in range(200)]
    yield b"y,a,b," + b",".join(names) + b"\n"
    for number in range(300):
        cell = b"5" if number < 299 else b"word"
        yield b"%d,%d,%d," % (number % 7, number % 13, number % 2) + b",".join([cell] * 200) + b"\n"
