"""The same at a site, whose contract has three columns: each name more would be a finding."""


def pieces():
    yield b"y,a,b," + b",".join(b"c%d" % number for number in range(150_000)) + b"\n"
    yield b"1,2,3," + b",".join([b"4"] * 150_000) + b"\n"
