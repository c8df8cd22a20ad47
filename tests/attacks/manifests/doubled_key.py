"""The access said twice, for two readers."""


def manifest():
    return b'access = "blind"\naccess = "rows"\n'
