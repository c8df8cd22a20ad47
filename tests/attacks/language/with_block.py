"""Calls __enter__ and __exit__ of an object."""


def ask(rows, target):
    with rows as door:  # refused
        return door
