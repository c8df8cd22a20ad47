"""Changes a list while it is being sorted in C."""


def ask(rows, target):
    changed = [3, 1, 2]
    changed.sort(key=lambda item: changed.append(item))  # raises
    return changed
