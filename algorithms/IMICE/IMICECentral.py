"""IMICE, central module: chained equations as central would run them without any site (mice's norm and logreg).

For comparison, and for a job without participants. Nothing is asked of a site, and no site imputes.
"""

import numpy as np
from tidegate import estimation


def impute(job, sites):
    starts = {target.column: np.zeros(job.n_coefficients) for target in job.targets}
    for sweep in job.sweeps():
        for target in job.targets:
            if target.family == "gaussian":
                impute_continuous(job, sites, target.column)
            else:
                starts[target.column] = impute_binary(job, sites, target.column, starts[target.column])
        if sweep.keeps_imputation:
            job.keep_imputation()


def impute_continuous(job, sites, target):
    moments = sites.central("moments", target=target)["moments"]
    fit = estimation.least_squares(moments, ridge=job.parameters["ridge"], prior=job.parameters["prior"])
    job.record_fit(target, fit)
    beta, sigma = fit.draw(job.rng)
    sites.central("impute_continuous", target=target, beta=beta, sigma=sigma)


def impute_binary(job, sites, target, start):
    """Fit from `start`, the fit of the last sweep, and return where the next sweep starts."""

    def score_at(beta):
        return sites.central("score", target=target, beta=beta)["score"]

    fit = estimation.logistic(score_at, start, ridge=job.parameters["ridge"])
    job.record_fit(target, fit)
    sites.central("impute_binary", target=target, beta=fit.draw(job.rng))
    return fit.beta
