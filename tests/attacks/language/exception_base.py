"""Catches BaseException."""


def ask(rows, target):
    try:
        return rows.gram(1)
    except BaseException:  # refused
        return None
