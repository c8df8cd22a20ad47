"""Asks for its globals, which hold the guards."""


def ask(rows, target):
    globals()["_getattr_"] = max  # refused
    return vars(rows)  # refused
