"""Imports our own modules, to change the rules."""

from sandbox.worker import guard  # refused


def ask(rows, target):
    return guard.builtins.open("/etc/passwd").read()  # refused
