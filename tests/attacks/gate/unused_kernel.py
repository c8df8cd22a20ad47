"""Has a kernel computed that no field holds, to learn from the time it takes."""


def ask(rows, target):
    rows.gram(where=rows.observed(target))
    return {"moments": rows.gram(where=rows.observed(target))}
