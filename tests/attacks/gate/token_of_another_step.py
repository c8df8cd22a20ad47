"""Answers with what another handle gave, through a dict made by another function."""


def ask(rows, target):
    token = rows.gram(where=rows.observed(target))
    return {"moments": [token]}
