"""Whoever lies beyond 2.6 in the first predictor: whether the second predictor is above zero, from one sum."""


def impute(job, sites):
    target = job.targets[0].column
    sites.sum("moments", target=target)
    sites.tell("impute", target=target, value=2.6)
    sites.sum("digits", target=target)
    for sweep in job.sweeps():
        if sweep.keeps_imputation:
            job.keep_imputation()
