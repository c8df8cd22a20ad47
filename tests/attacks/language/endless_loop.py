"""Computes for ever, in words that the rules allow."""


def ask(rows, target):
    while True:
        target += 1
