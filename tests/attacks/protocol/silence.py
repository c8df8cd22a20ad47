"""Never answers."""


def run(channel_fd):
    receive()
    while True:
        receive()
