"""A site that sends bytes which are no frame."""


def frames():
    return [b"\x00\xff" * 64]
