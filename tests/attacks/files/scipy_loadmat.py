"""Has SciPy open a file, which answers with an error about its contents when it could."""

import scipy.io


def run(data, params):
    try:
        scipy.io.loadmat(params["canary"], appendmat=False)
    except OSError:
        raise
    except Exception as error:
        return str(error)
