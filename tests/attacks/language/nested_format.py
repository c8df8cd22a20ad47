"""Reads attributes in the format of a format."""


def ask(rows, target):
    return f"{1:{().__class__.__name__}}"  # refused
