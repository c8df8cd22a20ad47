"""Asks about a predictor."""


def impute(job, sites):
    return sites.sum("ask", target=2)
