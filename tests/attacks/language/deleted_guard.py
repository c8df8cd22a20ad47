"""Deletes a guard, so that the name of a built-in is found behind it."""


def ask(rows, target):
    del _getattr_  # refused
    return rows.gram
