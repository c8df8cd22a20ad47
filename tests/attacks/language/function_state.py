"""Keeps state in an attribute of a function."""


def ask(rows, target):
    ask.seen = target  # refused
    return ask.seen
