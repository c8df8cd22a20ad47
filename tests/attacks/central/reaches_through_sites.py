"""Takes the line behind the handle of the sites."""


def impute(job, sites):
    return sites._line._pipe.fd
