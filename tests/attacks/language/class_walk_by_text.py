"""Walks with attribute names made at run time."""


def ask(rows, target):
    dunder = "_" * 2
    kind = getattr((), dunder + "class" + dunder)  # refused
    return getattr(kind, dunder + "base" + dunder)  # refused
