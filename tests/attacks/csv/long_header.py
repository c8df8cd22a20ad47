"""A header without an end."""


def pieces():
    for _ in range(40):
        yield b"name" * 65_536
