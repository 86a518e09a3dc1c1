"""Ctrl-C, also while a compiled program calls back into Python; and the signals of those who end a process in order.

In: signals. Out: a flag for loops that end in order, KeyboardInterrupt for what waits, the process's end where a step
does not. Python's own handlers run in the main thread only, between instructions: not before a program has ended that
the main thread waits for. What must not wait is done in a thread that hears of signals at once.
"""

import atexit
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import TypeVar

# Besides Ctrl-C: of batch systems, containers and `kill`; of a terminal that is closed.
ENDING = (signal.SIGTERM, signal.SIGHUP)
POLL = 0.1  # s between looks for Ctrl-C
SAME = 0.5  # s within which signals count as one: launchers pass on what their process has got too
PATIENCE = 1.0  # s that a step has to end by itself

Step = TypeVar("Step")
_ears: list[socket.socket] = []  # both ends of a pair: a byte for every signal
_presses = 0
_most = 1  # presses that end a wait: one, or two where the first is for a loop
_loops: list["Loop"] = []  # those under way


def listen() -> None:
    """Lets loops and `ready` hear signals at once; for a command's main thread, since a process has one place for
    this."""
    global _presses
    _presses = 0
    if not _ears:
        _ears.extend(socket.socketpair())
        _ears[1].setblocking(False)
        atexit.register(_ears[1].close)  # which ends the thread
        threading.Thread(target=_hear, args=(_ears[0],), daemon=True).start()
    signal.set_wakeup_fd(_ears[1].fileno(), warn_on_full_buffer=False)


def _hear(ear: socket.socket) -> None:
    """In a thread of its own, until the other end closes."""
    global _presses
    with ear, suppress(OSError):  # this end may be closed, too, where a process comes to its end
        while numbers := ear.recv(4096):
            _presses += numbers.count(signal.SIGINT)
            for loop in [*_loops]:
                for number in numbers:
                    loop.hear(number)


def ready(pipe: Connection, seconds: float) -> bool:
    """Whether there is something to receive, now or within some seconds. Raises KeyboardInterrupt after Ctrl-C."""
    end = time.monotonic() + seconds
    while True:
        if _presses >= _most:
            raise KeyboardInterrupt
        left = max(0.0, end - time.monotonic())
        if wait([pipe], min(left, POLL)):
            return True
        if left <= POLL:
            return False


class Stopped(KeyboardInterrupt):
    """A signal came once more; its number is the argument."""


class Loop:
    """A loop of steps that ends in order after a signal, or at once after one more where a step goes on for ever.

    Two threads use it: handlers run in the main one.
    """

    def __init__(self, at_once: Callable[[], None]):
        self._at_once, self._is_stepping = at_once, False
        self._came, self._first = 0, 0.0  # the first signal, as its handler knows it, and when it came
        self._since: float | None = None  # as the thread knows it

    def __call__(self) -> int:
        """The first signal, 0 for none."""
        return self._came

    def steps(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The same steps; while one is being waited for, a second signal ends the process."""
        rest = iter(steps)
        while True:
            self._is_stepping = True
            try:
                step = next(rest)
            except StopIteration:
                return
            finally:
                self._is_stepping = False
            yield step

    def handle(self, number: int, frame: object) -> None:
        """Python's handler of signals."""
        if not self._came:
            self._came, self._first = number, time.monotonic()
        elif number == signal.SIGINT or (self._is_stepping and time.monotonic() - self._first >= SAME):
            raise Stopped(number)

    def hear(self, number: int) -> None:
        """What the thread does that hears of a signal at once."""
        if number not in (signal.SIGINT, *ENDING):
            return
        now = time.monotonic()
        if self._since is None:
            self._since = now
            self._later(self._advise)
        elif now - self._since >= SAME:
            self._later(lambda: self._end(number))

    def _later(self, act: Callable[[], None]) -> None:
        def act_if_stuck() -> None:
            if self._is_stepping:
                act()

        timer = threading.Timer(PATIENCE, act_if_stuck)
        timer.daemon = True
        timer.start()

    def _advise(self) -> None:
        print("stopping after the generations that are under way; once more to stop at once", file=sys.stderr)

    def _end(self, number: int) -> None:
        with suppress(Exception):
            self._at_once()
        os._exit(128 + number)


@contextmanager
def until_interrupted(at_once: Callable[[], None] = lambda: None) -> Iterator[Loop]:
    """Gives a function that tells which signal came that ends a loop in order, 0 for none.

    Ctrl-C after one raises KeyboardInterrupt; a terminal's end is not heard where it is ignored (nohup). `at_once` has
    the last word where a signal ends the process in the middle of one of `Loop.steps`.
    """
    global _most
    loop = Loop(at_once)
    heard = [each for each in ENDING if signal.getsignal(each) != signal.SIG_IGN]
    previous = {each: signal.signal(each, loop.handle) for each in (signal.SIGINT, *heard)}
    _most = 2
    _loops.append(loop)
    try:
        yield loop
    finally:
        _loops.remove(loop)
        _most = 1
        for each, handler in previous.items():
            signal.signal(each, handler)
