"""Keeps state between steps in a global."""

SEEN = 0


def ask(rows, target):
    global SEEN  # refused
    SEEN += 1
    return SEEN
