"""A site that announces four gigabytes."""


def frames():
    return [b"TG\x01\x01\x00\x00\x00\x00\xff\xff\xff\xff"]
