"""IMI, central module: what central would do without any site. For comparison, and for a job without participants.

One fit to central's own rows, M draws from its posterior. Nothing is asked of a site.
"""

import numpy as np
from tidegate import estimation

TOLERANCE = 1e-8  # Newton decrement; there is one fit per job


def impute(job, sites):
    target = job.targets[0]
    if target.family == "gaussian":
        impute_continuous(job, sites, target.column)
    else:
        impute_binary(job, sites, target.column)


def impute_continuous(job, sites, target):
    moments = sites.central("moments", target=target)["moments"]
    fit = estimation.least_squares(moments, ridge=job.parameters["ridge"], prior=job.parameters["prior"])
    job.record_fit(target, fit)
    for _ in job.sweeps():
        beta, sigma = fit.draw(job.rng)
        sites.central("impute_continuous", target=target, beta=beta, sigma=sigma)
        job.keep_imputation()


def impute_binary(job, sites, target):
    def score_at(beta):
        return sites.central("score", target=target, beta=beta)["score"]

    start = np.zeros(job.n_coefficients)
    fit = estimation.logistic(score_at, start, ridge=job.parameters["ridge"], tolerance=TOLERANCE)
    job.record_fit(target, fit)
    for _ in job.sweeps():
        sites.central("impute_binary", target=target, beta=fit.draw(job.rng))
        job.keep_imputation()
