"""Takes the method without calling it, to hide it in a map."""


def ask(rows, target):
    return list(map("{0.__class__}".format, [rows]))  # refused
