"""Takes built-ins by their own name."""


def ask(rows, target):
    return __builtins__["open"]("/etc/passwd").read()  # refused
