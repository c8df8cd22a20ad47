"""Ends itself by overrunning the native stack."""


def impute(job, sites):
    chain = range(3)
    for _ in range(300000):
        chain = map(abs, chain)
    return list(chain)
