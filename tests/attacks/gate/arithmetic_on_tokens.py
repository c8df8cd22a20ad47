"""Computes with answers that stay in the gate."""


def ask(rows, target):
    return {"moments": rows.gram(where=rows.observed(target)) - rows.gram(where=rows.observed(3))}
