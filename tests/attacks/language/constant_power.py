"""Hangs the compiler with a constant that it folds."""

HUGE = 9**9**9  # refused


def ask(rows, target):
    return HUGE
