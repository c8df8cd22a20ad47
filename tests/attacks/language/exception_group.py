"""Uses except*, whose groups brought a way around guards (CVE-2025-22153)."""


def ask(rows, target):
    try:  # refused
        return 1 / 0
    except* ZeroDivisionError as error:
        return error.exceptions
