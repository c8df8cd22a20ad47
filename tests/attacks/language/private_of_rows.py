"""Takes the list of calls behind the handle of the rows."""


def ask(rows, target):
    rows._calls.clear()  # refused
    return rows._calls  # refused
