"""Cells that spreadsheets run as formulas, in a column that is carried through: they come back byte for byte and are never read."""


def pieces():
    yield b"y,a,b,note\n"
    for number in range(300):
        yield b"%d,%d,%d,=cmd|'/C calc'!A0\n" % (number % 7, number % 13, number % 2)
