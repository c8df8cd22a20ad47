"""Line ends of carriage returns alone, which some readers take for line ends and some for text."""


def pieces():
    yield b"y,a,b\r1,2,1\r3,4,0\r"
