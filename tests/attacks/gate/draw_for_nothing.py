"""Draws with coefficients of the wrong length in a step that asks."""


def ask(rows, target):
    rows.draw(target, family="gaussian", beta=[1e300], sigma=1.0)
    return {"moments": rows.gram(where=rows.observed(target))}
