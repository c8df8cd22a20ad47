"""Decides by an answer that stays in the gate."""


def ask(rows, target):
    gram = rows.gram(where=rows.observed(target))
    return {"moments": gram} if gram else {}
