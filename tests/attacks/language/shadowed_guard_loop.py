"""Binds a guard's name in a comprehension."""


def ask(rows, target):
    return [_write_ for _write_ in [rows]]  # refused
