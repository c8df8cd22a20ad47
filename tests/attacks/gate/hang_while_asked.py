"""Hangs while a gate waits for it."""


def ask(rows, target):
    while True:
        pass
