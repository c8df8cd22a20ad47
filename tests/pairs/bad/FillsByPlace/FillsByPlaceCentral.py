"""Asks once."""


def impute(job, sites):
    target = job.targets[0].column
    sites.sum("moments", target=target)
    sites.tell("impute", target=target)
    sites.sum("moments", target=target)
    job.keep_imputation()
