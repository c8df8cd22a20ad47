"""Writes eval in mathematical letters."""


def ask(rows, target):
    return 𝓮𝓿𝓪𝓵("open('/etc/passwd').read()")  # refused
