"""Fills missing cells of a site with huge numbers, to find them in the next Gram: a draw fills nothing there."""


def ask(rows, target):
    rows.draw(target, family="gaussian", beta=[1e6, 1e6, 1e6], sigma=1.0)
    return {"moments": rows.gram(where=rows.observed(target))}
