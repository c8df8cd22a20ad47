"""A number of half a million digits, for parsers that take quadratic time over it; it is 0."""


def pieces():
    yield b"y,a,b\n"
    for number in range(300):
        digits = b"0." + b"0" * 500_000 if number == 7 else str(number).encode()
        yield b"%d,%s,%d\n" % (number % 7, digits, number % 2)
