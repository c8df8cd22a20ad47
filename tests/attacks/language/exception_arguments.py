"""Takes the arguments of an exception, which may be objects."""


def ask(rows, target):
    try:
        return rows.observed("x")
    except TypeError as error:
        return error.args  # raises
