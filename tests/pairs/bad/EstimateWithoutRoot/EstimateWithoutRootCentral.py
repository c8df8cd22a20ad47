"""Asks once."""


def impute(job, sites):
    sites.each("fit", target=job.targets[0].column)
    job.keep_imputation()
