"""Goes from a method to its function and its globals."""


def ask(rows, target):
    return rows.gram.im_class  # raises
