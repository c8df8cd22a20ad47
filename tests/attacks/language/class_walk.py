"""Walks from a tuple to every class of the process."""


def ask(rows, target):
    classes = ().__class__.__bases__[0].__subclasses__()  # refused
    return [each for each in classes if each.__name__ == "Popen"]  # refused
