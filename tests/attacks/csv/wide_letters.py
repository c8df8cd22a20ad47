"""UTF-16 without an end: what is a byte there are three in UTF-8, and the limit of a line counts those."""


def pieces():
    yield b"\xff\xfe" + "y,a,b\n1,2,".encode("utf-16-le")
    for _ in range(40):
        yield "€".encode("utf-16-le") * 65_536
