"""Asks with an argument more."""


def impute(job, sites):
    return sites.sum("ask", target=1, row=7)
