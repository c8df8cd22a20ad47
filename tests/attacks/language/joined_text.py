"""Reads attributes inside an f-string."""


def ask(rows, target):
    return f"{().__class__.__base__.__subclasses__()!r}"  # refused
