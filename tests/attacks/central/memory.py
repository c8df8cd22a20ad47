"""Fills its memory."""


def impute(job, sites):
    return list(range(10**10))
