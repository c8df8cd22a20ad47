"""Asks three times."""


def impute(job, sites):
    target = job.targets[0].column
    for value in (1.0, -0.5, 1.04):
        sites.sum("moments", target=target, value=value)
    job.keep_imputation()
