"""SIMI, central module, on the sums of a remote module in plain NumPy."""

import numpy as np
from tidegate import estimation


def impute(job, sites):
    target = job.targets[0]
    if target.family == "gaussian":
        total = sites.sum("moments", target=target.column)
        fit = estimation.least_squares(estimation.Gram(total["n"], total["XX"], total["Xy"], total["yy"]))
    else:
        fit = estimation.logistic(lambda beta: score_at(sites, target.column, beta), np.zeros(job.n_coefficients), tolerance=1e-8)
    job.record_fit(target.column, fit)
    for _ in job.sweeps():
        if target.family == "gaussian":
            beta, sigma = fit.draw(job.rng)
            sites.central("impute_continuous", target=target.column, beta=beta, sigma=sigma)
        else:
            sites.central("impute_binary", target=target.column, beta=fit.draw(job.rng))
        job.keep_imputation()


def score_at(sites, target, beta):
    total = sites.sum("score", target=target, beta=beta)
    return estimation.Score(total["n"], total["H"], total["g"], total["loglik"], 1e-9 * total["n"])
