"""Fills its memory while a gate waits for it."""


def ask(rows, target):
    return {"moments": list(range(10**10))}
