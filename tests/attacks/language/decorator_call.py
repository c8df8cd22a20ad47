"""Runs code while the module is compiled, in a decorator."""


@print  # refused
def ask(rows, target):
    return None
