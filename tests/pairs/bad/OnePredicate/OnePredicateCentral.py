"""Asks once."""


def impute(job, sites):
    sites.sum("moments", target=job.targets[0].column, value=0.25)
    job.keep_imputation()
