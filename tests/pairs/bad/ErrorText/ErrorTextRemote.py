"""A row in the text of an exception"""


def moments(rows, target):
    raise ValueError(str(rows.matrix()[0, 0]))
