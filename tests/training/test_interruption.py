"""Signals, taken between two steps."""

import os
import signal
import threading

import pytest

from textgen_core.training.interruption import SIGNALS, listening


@pytest.mark.parametrize("number", SIGNALS)
def test_a_first_signal_sets_the_flag_and_a_second_one_raises(number):
    with pytest.raises(KeyboardInterrupt), listening() as interruption:
        assert not interruption.requested
        os.kill(os.getpid(), number)
        assert interruption.requested
        os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_of_the_system_may_come_again_and_changes_nothing():
    for number in set(SIGNALS) - {signal.SIGINT}:
        with listening() as interruption:
            for _ in range(3):
                os.kill(os.getpid(), number)
            assert interruption.requested


@pytest.mark.parametrize("number", SIGNALS)
def test_an_ignored_signal_stays_ignored(number):
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with listening() as interruption:
            os.kill(os.getpid(), number)
            assert signal.getsignal(number) is signal.SIG_IGN
        assert not interruption.requested
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_the_handlers_before_come_back_whatever_happens():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with pytest.raises(ZeroDivisionError), listening():
        assert signal.getsignal(signal.SIGINT) != before[0]
        raise ZeroDivisionError
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_outside_the_main_thread_nothing_is_taken_and_nothing_fails():
    seen = []

    def listen():
        with listening() as interruption:
            seen.append((interruption.requested, signal.getsignal(signal.SIGINT)))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert seen == [(False, before)]
