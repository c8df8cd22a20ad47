"""Uses a suffix that RestrictedPython's own security machinery reads."""


def ask(rows, target):
    return rows.anything__roles__  # refused
