"""Asks once."""


def impute(job, sites):
    sites.sum("moments", target=job.targets[0].column, value=1e9)
    job.keep_imputation()
