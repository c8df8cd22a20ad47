"""Asks about a column that is not there, to see what index 0 or −1 means to an array."""


def ask(rows, target):
    return {"moments": rows.gram(where=rows.observed(-1))}
