"""Answers with a field that the manifest does not declare."""


def ask(rows, target):
    gram = rows.gram(where=rows.observed(target))
    return {"moments": gram, "more": gram}
