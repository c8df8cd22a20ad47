"""Calls compile."""


def ask(rows, target):
    return compile("1", "x", "eval")  # refused
