"""Asks again and again."""


def impute(job, sites):
    target = job.targets[0].column
    for number in range(20):
        sites.sum("moments", target=target, value=number / 100)
    job.keep_imputation()
