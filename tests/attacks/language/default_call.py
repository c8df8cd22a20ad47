"""Runs code while the module is compiled, in a default."""


def ask(rows, target, *, space=max([1], key=print)):  # refused
    return space
