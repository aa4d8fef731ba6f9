"""A text that a person and a model write in turns."""

import pytest
from fake_writing import FakeRun

from textgen_core.errors import PluginFailure, UsageError
from textgen_core.pipeline.draft import CHARACTERS, WINDOW, Draft


def draft_of(run=None, text="", **options):
    return Draft(run or FakeRun(), text, **{"max_new_tokens": 9, "seed": 7, **options})


def test_what_is_added_is_added_as_it_is_and_the_model_goes_on_from_the_whole():
    run = FakeRun()
    draft = draft_of(run, "\n", stop=["!"])
    draft.append("the king ")
    assert list(draft.write()) == [" 7", "", "a."]
    draft.append("\t and")
    list(draft.write())
    assert draft.text == "\nthe king  7a.\t and 8a."
    assert run.asked == [
        ("\nthe king ", ["own"], 9, 7, ["!"]),
        ("\nthe king  7a.\t and", ["own"], 9, 8, ["!"]),
    ]


def test_a_retry_writes_anew_with_the_next_seed_and_undo_brings_back_what_was_there():
    draft = draft_of(text="x")
    list(draft.write())
    list(draft.write())
    list(draft.retry())
    list(draft.retry())
    assert draft.text == "x 7a. 10a."
    for text in ("x 7a. 9a.", "x 7a. 8a.", "x 7a.", "x"):
        assert draft.undo()
        assert draft.text == text
    assert not draft.undo()
    assert draft.redo()
    assert draft.text == "x 7a."
    draft.append("y")
    assert not draft.redo()  # what came after is gone
    assert draft.text == "x 7a.y"


def test_a_retry_of_what_a_person_wrote_goes_on_from_it():
    draft = draft_of(text="x")
    list(draft.write())
    draft.append("y")
    list(draft.retry())
    assert draft.text == "x 7a.y 8a."


def test_the_same_changes_make_the_same_text():
    def write():
        draft = draft_of()
        draft.append("a")
        list(draft.write())
        list(draft.retry())
        draft.seed = 40
        list(draft.write())
        return draft.text

    assert write() == write() == "a 8a. 40a."


@pytest.mark.parametrize(
    ("before", "line", "after"),
    [
        ("", "Ann: hi", "Ann: hi\n"),
        ("so", "Ann: hi", "so\nAnn: hi\n"),
        ("so\n", "Ann: hi", "so\nAnn: hi\n"),
        ("so", "", "so\n"),
        ("so\n", "", "so\n"),
        ("", "", ""),
    ],
)
def test_a_line_of_its_own_begins_and_ends_one(before, line, after):
    draft = draft_of(text=before)
    draft.append_line(line)
    assert draft.text == after
    assert draft.undo() == (after != before)


def test_a_text_that_is_cleaned_stays_so_and_undo_has_it_as_it_was():
    draft = draft_of()
    draft.append("The King")
    writing = draft.write()
    assert writing.notes == ("Lowered.",)
    list(writing)
    assert draft.text == "the king 7a."
    list(draft.retry())
    assert draft.text == "the king 8a."
    draft.undo()
    draft.undo()
    assert draft.text == "The King"


def test_of_a_long_text_the_model_reads_the_end_and_nothing_else_is_lost():
    run = FakeRun()
    draft = draft_of(run, "x" * WINDOW + "the end")
    list(draft.write())
    assert run.asked[0][0] == "x" * (WINDOW - 7) + "the end"
    assert draft.text == "x" * WINDOW + "the end 7a."
    list(draft.retry())
    assert draft.text == "x" * WINDOW + "the end 8a."


def test_a_long_context_is_filled():
    run = FakeRun(context_length=WINDOW)
    list(draft_of(run, "x" * (CHARACTERS + 1) * WINDOW).write())
    assert len(run.asked[0][0]) == CHARACTERS * WINDOW


@pytest.mark.parametrize("error", [PluginFailure("It broke."), KeyboardInterrupt()])
@pytest.mark.parametrize(("piece", "kept"), [(" 8", "x 7a."), ("a.", "x 8")])
def test_what_was_written_before_an_end_stays_and_can_be_undone(error, piece, kept):
    run = FakeRun()
    draft = draft_of(run, "x")
    list(draft.write())
    run.breaks_at, run.breaks_with = piece, error
    with pytest.raises(type(error)):
        list(draft.retry())
    assert draft.text == kept
    draft.undo()
    assert draft.text == ("x" if piece == " 8" else "x 7a.")


def test_where_the_model_writes_nothing_the_text_and_its_versions_stay():
    run = FakeRun()
    draft = draft_of(run, "x")
    list(draft.write())
    run.ends_with = "end"
    writing = draft.retry()
    assert list(writing) == []
    assert writing.stopped_by() == "end"
    assert draft.text == "x 7a."


def test_a_setting_that_cannot_be_is_refused_and_the_one_before_stays():
    draft = draft_of()
    with pytest.raises(UsageError, match="max_new_tokens is 0"):
        draft.max_new_tokens = 0
    with pytest.raises(UsageError, match="Allowed: own"):
        draft.choose_samplers(["bad"])
    with pytest.raises(PluginFailure, match="failed"):
        draft.choose_samplers(["fails"])  # as soon as it is made ready
    with pytest.raises(UsageError, match="seed is -1"):
        draft.seed = -1
    assert (draft.max_new_tokens, draft.seed, draft.samplers[0].label) == (9, 7, "own")
    with pytest.raises(UsageError, match="stop string is empty"):
        draft_of(stop=[""])


def test_what_is_made_ready_writes_nothing_and_uses_no_seed():
    run = FakeRun()
    draft = draft_of(run, "x")
    draft.prepare()
    assert (draft.text, draft.seed) == ("x", 7)
    list(draft.write())
    assert run.asked == [("x", ["own"], 9, 7, [])] * 2
