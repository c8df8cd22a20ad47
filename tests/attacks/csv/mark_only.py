"""A byte order mark and nothing else."""


def pieces():
    yield b"\xef\xbb\xbf"
