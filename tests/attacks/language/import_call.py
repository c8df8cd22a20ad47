"""Calls __import__."""


def ask(rows, target):
    return __import__("os").listdir("/")  # refused
