"""Binds two names that look the same: one has a letter that shows as nothing."""


def ask(rows, target):
    target​ = 2  # refused
    return {"moments": rows.gram(where=rows.observed(target​))}
