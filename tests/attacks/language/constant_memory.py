"""Fills the memory while the module is compiled, with a constant."""

HUGE = "a" * 1000000 * 100000


def ask(rows, target):
    return HUGE
