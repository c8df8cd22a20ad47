"""Defines a class whose comparison runs code in somebody else's frame."""


class Door:  # refused
    def __eq__(self, other):
        return True


def ask(rows, target):
    return Door() == rows  # refused
