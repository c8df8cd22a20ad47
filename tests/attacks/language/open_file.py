"""Calls open."""


def ask(rows, target):
    return open("/etc/passwd").read()  # refused
