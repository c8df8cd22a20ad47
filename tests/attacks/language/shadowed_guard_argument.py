"""Names a positional-only argument like a guard (CVE-2026-55830)."""


def ask(rows, target):
    return inner(max)


def inner(_getattr_, /):  # refused
    return "".join
