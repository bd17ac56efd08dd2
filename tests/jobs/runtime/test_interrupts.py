import os
import signal

import pytest

from corpusmill.jobs.runtime import interrupts
from corpusmill.jobs.runtime.engine import InlineEngine


@pytest.fixture(params=[signal.SIGINT, signal.SIGTERM])
def sent(request):
    """A signal that is listened to, and the handlers that were there before."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    interrupts.listen()
    yield lambda: os.kill(os.getpid(), request.param)
    interrupts.listen()
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_end_that_a_finalizer_swallows_comes_before_the_next_task(sent):
    class Finalized:
        def __del__(self):
            sent()

    done = []

    def work(item):
        done.append(item)
        Finalized()

    with pytest.raises(KeyboardInterrupt):
        list(InlineEngine().map(work, [1, 2, 3]))
    assert done == [1]


def test_a_run_that_is_not_asked_to_end_goes_on(sent):
    with pytest.raises(KeyboardInterrupt):
        sent()
    interrupts.listen()
    interrupts.check()
