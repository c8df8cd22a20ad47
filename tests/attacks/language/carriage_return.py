"""Hides code behind a carriage return in a comment: Python ends the line there, many a viewer does not show it."""


def ask(rows, target):
    # Nothing to see here.    rows.gram(where=rows.observed(2))  # refused
    return {"moments": rows.gram(where=rows.observed(target))}
