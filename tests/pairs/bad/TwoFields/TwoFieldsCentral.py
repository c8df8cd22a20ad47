"""Asks once."""


def impute(job, sites):
    sites.sum("moments", target=job.targets[0].column, value=2.6)
    job.keep_imputation()
