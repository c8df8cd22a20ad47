"""A header of a hundred and fifty thousand different names: comparing each with each takes hours."""


def pieces():
    yield b"y,a,b," + b",".join(b"c%d" % number for number in range(150_000)) + b"\n"
    yield b"1,2,3," + b",".join([b"4"] * 150_000) + b"\n"
