"""A letter of UTF-8, and after it one of Windows-1252: whoever reads the file in either sees another text."""


def pieces():
    yield b"y,a,b\n" + "1,2,größer\n".encode() + "4,5,größer\n".encode("cp1252")
