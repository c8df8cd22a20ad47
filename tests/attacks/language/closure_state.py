"""Keeps state in a closure."""


def ask(rows, target):
    seen = 0

    def count():
        nonlocal seen  # refused
        seen += 1
        return seen

    return count()
