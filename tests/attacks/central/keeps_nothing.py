"""Ends at once and keeps no imputation."""


def impute(job, sites):
    return None
