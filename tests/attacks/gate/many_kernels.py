"""Names more kernels than a step may."""


def ask(rows, target):
    for _ in range(1000):
        gram = rows.gram(where=rows.observed(target))
    return {"moments": gram}
