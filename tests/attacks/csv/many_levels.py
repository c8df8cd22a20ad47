"""A binary column with two hundred thousand levels, each of which would be remembered."""


def pieces():
    yield b"y,a,b\n" + b"".join(b"%d,%d,level %d\n" % (number % 7, number % 13, number) for number in range(200_000))
