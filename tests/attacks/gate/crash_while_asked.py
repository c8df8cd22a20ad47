"""Ends itself by overrunning the native stack while a gate waits for it."""


def ask(rows, target):
    chain = range(3)
    for _ in range(300000):
        chain = map(abs, chain)
    return {"moments": list(chain)}
