"""A binary column whose levels are texts of 900 kB."""


def pieces():
    yield b"y,a,b\n"
    for number in range(6):
        yield b"%d,%d,%s\n" % (number, number, bytes([97 + number % 2]) * 900_000)
