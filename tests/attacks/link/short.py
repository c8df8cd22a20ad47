"""A site that sends less than a header."""


def frames():
    return [b"TG\x01"]
