"""Ctrl-C: loops end in order, waits end at once, two presses end both."""

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.test_install import ROOT
from wann_jax.tasks import interrupts


@pytest.fixture
def pipe(monkeypatch):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr(interrupts, "_presses", 0)  # and so it is for the tests that follow
    interrupts.listen()
    ours, theirs = multiprocessing.Pipe()
    yield ours, theirs
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, before)
    while interrupts._ears:
        interrupts._ears.pop().close()


def press(seconds):
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_a_wait_ends_with_an_answer_or_its_time(pipe):
    ours, theirs = pipe
    assert not interrupts.ready(ours, 0.05)
    theirs.send("answer")
    assert interrupts.ready(ours, 10.0)


def in_a_callback(ours):
    """What a wait comes to in another thread than the main one, as XLA has it; -1 for KeyboardInterrupt."""
    found = []

    def wait():
        try:
            found.append(interrupts.ready(ours, 5.0))
        except KeyboardInterrupt:
            found.append(-1)

    threading.Thread(target=wait).start()
    while not found:
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(0.01)
    return found[0]


def test_ctrl_c_ends_a_wait_in_another_thread(pipe):
    press(0.2)
    assert in_a_callback(pipe[0]) == -1


def test_in_a_loop_that_ends_in_order_the_second_press_ends_the_wait(pipe):
    ours, theirs = pipe
    with interrupts.until_interrupted() as interrupted:
        press(0.2)
        threading.Timer(1.0, theirs.send, ("answer",)).start()
        assert in_a_callback(ours) is True
        assert interrupted()
        ours.recv()
        press(0.2)
        assert in_a_callback(ours) == -1


def test_a_closed_terminal_is_not_heard_where_it_is_ignored_as_under_nohup():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts.until_interrupted() as came:
            signal.raise_signal(signal.SIGHUP)
            assert came() == 0
            signal.raise_signal(signal.SIGTERM)
            assert came() == signal.SIGTERM
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


STUCK = """
import hashlib, sys
from wann_jax.tasks import interrupts
interrupts.listen()
with interrupts.until_interrupted(lambda: print("the last word", flush=True)) as came:
    for step in came.steps(range(3)):
        print("between", flush=True)
        sys.stdin.readline()
    def for_ever():
        print("inside", flush=True)
        hashlib.pbkdf2_hmac("sha512", b"", b"", 2**31 - 1)  # Python hears no signals meanwhile
        yield
    list(came.steps(for_ever()))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_the_process_where_nothing_is_heard_of_the_first(number):
    pipe = subprocess.PIPE
    call, environment = [sys.executable, "-c", STUCK], os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(call, env=environment, text=True, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        process.stdin.write("\n\n\n")
        process.stdin.flush()
        assert [process.stdout.readline() for _ in range(4)] == [*["between\n"] * 3, "inside\n"]
        began = time.monotonic()
        process.send_signal(number)
        time.sleep(0.1)
        process.send_signal(number)  # so soon, it is the same
        assert process.stderr.readline().endswith("; once more to stop at once\n")
        process.send_signal(number)
        assert process.stdout.read() == "the last word\n"
        assert process.wait() == 128 + number
        assert time.monotonic() - began < 10.0
