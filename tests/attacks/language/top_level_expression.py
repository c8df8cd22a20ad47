"""Runs a comprehension while the module is compiled."""

[print for print in [1]]  # refused


def ask(rows, target):
    return None
