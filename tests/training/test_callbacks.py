"""One callback that stands for several."""

from training.fake_job import Recorder

from textgen_core.training.callbacks import EVENTS, Callback, Callbacks


class Noting(Callback):
    """Remembers under its name what it is called with."""

    def __init__(self, name, calls):
        for event in EVENTS:
            setattr(self, event, self._noting(name, event, calls))

    def _noting(self, name, event, calls):
        return lambda *values, **named: calls.append((name, event, values, named))


def test_several_callbacks_are_called_in_turn_with_what_the_one_gets():
    calls = []
    both = Callbacks(Noting("first", calls), Noting("second", calls))
    both.on_training_row({"step": 3}, 0.5)
    both.on_training_end(interrupted=True)
    assert calls == [
        ("first", "on_training_row", ({"step": 3}, 0.5), {}),
        ("second", "on_training_row", ({"step": 3}, 0.5), {}),
        ("first", "on_training_end", (), {"interrupted": True}),
        ("second", "on_training_end", (), {"interrupted": True}),
    ]


def test_every_event_reaches_all():
    calls = []
    both = Callbacks(Noting("first", calls), Noting("second", calls))
    for event in EVENTS:
        getattr(both, event)()
    assert [call[:2] for call in calls] == [
        (name, event) for event in EVENTS for name in ("first", "second")
    ]
    assert len(EVENTS) == 15


def test_a_callback_that_overrides_nothing_may_be_called_with_everything():
    nobody, recorder = Callback(), Recorder()
    for each in (nobody, recorder, Callbacks(nobody, recorder)):
        each.on_checkpoint(3)
        each.on_phase(4)
    assert recorder.steps_of("checkpoint") == [3, 3]
