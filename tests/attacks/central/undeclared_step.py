"""Asks a step that the manifest does not declare."""


def impute(job, sites):
    return sites.sum("rows", target=1)
