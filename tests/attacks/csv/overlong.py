"""An overlong form of a comma, which a lenient decoder would make into one after the scan."""


def pieces():
    yield b"y,a,b\n1,2\xc0\xac3,1\n4,5,0\n"
