"""Calls eval."""


def ask(rows, target):
    return eval("open('/etc/passwd').read()")  # refused
