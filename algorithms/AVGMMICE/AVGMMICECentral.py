"""AVGMMICE, central module: chained equations in which every fit is the average of the participants' own fits.

Each sweep visits the targets in file order; every participant fits the target on its observed rows and all other columns as they are
completed now. The draw of one target travels with the question about the next one: one round trip per target and sweep, of either type.
"""

from tidegate import estimation


def impute(job, sites):
    for sweep in job.sweeps():
        for target in job.targets:
            if target.family == "gaussian":
                impute_continuous(job, sites, target.column)
            else:
                impute_binary(job, sites, target.column)
        if sweep.keeps_imputation:
            job.keep_imputation()


def impute_continuous(job, sites, target):
    replies = sites.each("fit_continuous", target=target, ridge=job.parameters["ridge"])
    fit = estimation.average_least_squares([reply["fit"] for reply in replies], prior=job.parameters["prior"])
    job.record_fit(target, fit)
    beta, sigma = fit.draw(job.rng)
    sites.tell("impute_continuous", target=target, beta=beta, sigma=sigma)


def impute_binary(job, sites, target):
    replies = sites.each("fit_binary", target=target, ridge=job.parameters["ridge"])
    fit = estimation.average_logistic([reply["fit"] for reply in replies])
    job.record_fit(target, fit)
    sites.tell("impute_binary", target=target, beta=fit.draw(job.rng))
