"""Computes a power that never ends, inside one instruction of the interpreter."""


def ask(rows, target):
    return (target + 8) ** (target + 8) ** (target + 8)
