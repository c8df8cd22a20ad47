"""Asks about a predictor, which is no target of the job."""


def ask(rows, target):
    return {"moments": rows.gram(where=rows.observed(2))}
