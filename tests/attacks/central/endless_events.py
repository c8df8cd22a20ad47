"""Logs without end."""


def impute(job, sites):
    while True:
        job.log_event("fit.singular", 1)
