"""Makes a class with type(), after classes were refused."""


def ask(rows, target):
    return type("A", (), {"__del__": print})  # refused
