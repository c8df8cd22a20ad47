"""Asks twice."""


def impute(job, sites):
    target = job.targets[0].column
    sites.sum("moments", target=target, value=1.0)
    sites.sum("moments", target=target, value=1.04)
    job.keep_imputation()
