"""Makes a coroutine, which has a frame and an awaiter."""


async def ask(rows, target):  # refused
    return await rows
