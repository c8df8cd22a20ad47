"""Computes for ever."""


def impute(job, sites):
    while True:
        pass
