"""Binds a guard's name in the middle of an expression."""


def ask(rows, target):
    return [(_getitem_ := max), rows][0]  # refused
