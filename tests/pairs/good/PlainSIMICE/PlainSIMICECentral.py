"""SIMICE, central module, on the sums of a remote module in plain NumPy."""

import numpy as np
from tidegate import estimation


def impute(job, sites):
    starts = {}
    for sweep in job.sweeps():
        for target in job.targets:
            if target.family == "gaussian":
                fit = impute_continuous(job, sites, target.column)
            else:
                fit = impute_binary(job, sites, target.column, starts)
            if sweep.keeps_imputation:
                job.record_fit(target.column, fit)
        if sweep.keeps_imputation:
            job.keep_imputation()


def impute_continuous(job, sites, target):
    total = sites.sum("moments", target=target)
    fit = estimation.least_squares(estimation.Gram(total["n"], total["XX"], total["Xy"], total["yy"]))
    beta, sigma = fit.draw(job.rng)
    sites.tell("impute_continuous", target=target, beta=beta, sigma=sigma)
    return fit


def impute_binary(job, sites, target, starts):
    start = starts.get(target, np.zeros(job.n_coefficients))
    fit = estimation.logistic(lambda beta: score_at(sites, target, beta), start)
    starts[target] = fit.beta
    sites.tell("impute_binary", target=target, beta=fit.draw(job.rng))
    return fit


def score_at(sites, target, beta):
    total = sites.sum("score", target=target, beta=beta)
    return estimation.Score(total["n"], total["H"], total["g"], total["loglik"], 1e-9 * total["n"])
