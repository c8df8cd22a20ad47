"""Defines a class with a metaclass that is a call."""


class Door(metaclass=print):  # refused
    pass


def ask(rows, target):
    return Door  # refused
