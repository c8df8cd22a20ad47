"""A file in UTF-16."""


def pieces():
    yield "y,a,b\n1,2,1\n".encode("utf-16")
