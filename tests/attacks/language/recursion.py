"""Calls itself for ever."""


def ask(rows, target):
    return ask(rows, target)  # raises
