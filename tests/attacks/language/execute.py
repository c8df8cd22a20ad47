"""Calls exec on a text that no rule has seen."""


def ask(rows, target):
    space = {}
    exec("import os; found = os.listdir('/')", space)  # refused
    return space["found"]
