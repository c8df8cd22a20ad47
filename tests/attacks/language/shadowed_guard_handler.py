"""Binds a guard's name by catching an exception, and by leaving the handler unbinds it."""


def ask(rows, target):
    try:
        return 1 / 0
    except ZeroDivisionError as _getattr_:  # refused
        return None
