"""Reports progress in numbers that no message holds."""


def impute(job, sites):
    job.progress(10**30, -(10**30))
