"""A file in UTF-16, which is read as that."""


def pieces():
    yield "y,a,b\n1,2,1\n3,4,0\n".encode("utf-16")
