"""Fills a list until there is no memory left."""


def ask(rows, target):
    return list(range(10**9)) + [target]
