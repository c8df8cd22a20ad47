"""A compressed stream that would unpack to gigabytes, which pandas does by itself when it is given a name."""

import gzip


def pieces():
    yield gzip.compress(b"y,a,b\n" + b"1,2,1\n" * 5_000_000)
