"""Imports inside a function, where a check of the top level does not look."""


def ask(rows, target):
    import subprocess  # refused

    return subprocess.check_output(["/bin/echo", "out"])  # refused
