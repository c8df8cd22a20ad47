"""Makes a text larger than its memory."""


def ask(rows, target):
    return "a" * 10**12
