"""AVGMMI, central module: every participant fits alone, central averages the fits and draws M times from the average.

One round trip. The average of logistic fits is biased when a site has fewer than 20 rows per coefficient; its upload report says so.
Missing cells are imputed at central only.
"""

from tidegate import estimation


def impute(job, sites):
    target = job.targets[0]
    if target.family == "gaussian":
        impute_continuous(job, sites, target.column)
    else:
        impute_binary(job, sites, target.column)


def impute_continuous(job, sites, target):
    replies = sites.each("fit_continuous", target=target, ridge=job.parameters["ridge"])
    fit = estimation.average_least_squares([reply["fit"] for reply in replies], prior=job.parameters["prior"])
    job.record_fit(target, fit)
    for _ in job.sweeps():
        beta, sigma = fit.draw(job.rng)
        sites.central("impute_continuous", target=target, beta=beta, sigma=sigma)
        job.keep_imputation()


def impute_binary(job, sites, target):
    replies = sites.each("fit_binary", target=target, ridge=job.parameters["ridge"])
    fit = estimation.average_logistic([reply["fit"] for reply in replies])
    job.record_fit(target, fit)
    for _ in job.sweeps():
        sites.central("impute_binary", target=target, beta=fit.draw(job.rng))
        job.keep_imputation()
