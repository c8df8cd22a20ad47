"""Keeps state between steps in a default: rows of one step, told in another."""


def ask(rows, target, seen=[]):  # refused
    seen.append(target)
    return seen
