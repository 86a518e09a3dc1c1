"""Ctrl-C, also while a compiled program calls back into Python; and the signals of those who end a process in order.

In: signals. Out: a flag for loops that end in order, KeyboardInterrupt for what waits. Python's own handlers run in the
main thread only, between instructions: not before a program has ended that the main thread waits for.
"""

import atexit
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait

# Besides Ctrl-C: of batch systems, containers and `kill`; of a terminal that is closed.
ENDING = (signal.SIGTERM, signal.SIGHUP)

_ears: list[socket.socket] = []  # both ends of a pair: a byte for every signal
_presses = 0
_most = 1  # presses that end a wait: one, or two where the first is for a loop


def listen() -> None:
    """Lets `ready` hear Ctrl-C; for a command's main thread, since a process has one place for this."""
    global _presses
    _presses = 0
    if not _ears:
        _ears.extend(socket.socketpair())
        for end in _ears:
            end.setblocking(False)
            atexit.register(end.close)
    signal.set_wakeup_fd(_ears[1].fileno(), warn_on_full_buffer=False)


def ready(pipe: Connection, seconds: float) -> bool:
    """Whether there is something to receive, now or within some seconds. Raises KeyboardInterrupt after Ctrl-C."""
    global _presses
    end = time.monotonic() + seconds
    while True:
        found = wait([pipe, *_ears[:1]], max(0.0, end - time.monotonic()))
        if _ears and _ears[0] in found:
            _presses += _ears[0].recv(4096).count(signal.SIGINT)
            if _presses >= _most:
                raise KeyboardInterrupt
        if pipe in found or not found:
            return pipe in found


@contextmanager
def until_interrupted() -> Iterator[Callable[[], int]]:
    """Gives a function that tells which signal came that ends a loop in order, 0 for none.

    Ctrl-C after one raises KeyboardInterrupt; a terminal's end is not heard where it is ignored (nohup).
    """
    global _most
    came = 0

    def note(signum, frame):
        nonlocal came
        came = came or signum
        signal.signal(signal.SIGINT, signal.default_int_handler)

    heard = [each for each in ENDING if signal.getsignal(each) != signal.SIG_IGN]
    previous = {each: signal.signal(each, note) for each in (signal.SIGINT, *heard)}
    _most = 2
    try:
        yield lambda: came
    finally:
        _most = 1
        for each, handler in previous.items():
            signal.signal(each, handler)
