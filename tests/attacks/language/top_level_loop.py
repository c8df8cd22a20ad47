"""Hangs the compilation with a loop at the top level."""

while True:  # refused
    pass


def ask(rows, target):
    return None
