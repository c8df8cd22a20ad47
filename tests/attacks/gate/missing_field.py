"""Leaves a declared field out, so that success or failure becomes an answer."""


def ask(rows, target):
    return {}
