"""The page and the lines of a study, from its JSON: finished or not, foreign names included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from report.fabricated_study import conclude, dimension, fabricate_study, trial, tuned_samplers
from report.reading import Page
from report.test_spanish import Reader, english_words, words

from textgen_core.errors import RunDirectoryError
from textgen_core.pipeline.search.records import Budget, TrialRecord, Tuning
from textgen_core.report.tuning import render_tuning, write_tuning
from textgen_core.report.tuning_words import best_first, headings_of, tell_tuning, tell_verdict

HOSTILE = "<script>alert(1)</script>\x1b[2J"


def told(study):
    return " ".join(tell_verdict(study))


def test_a_difference_of_more_than_two_deviations_beats_the_recipe_and_a_smaller_one_is_a_tie():
    study = fabricate_study()
    assert "beats the recipe as it is by 0.130 bits per byte: 1.730 in place of 1.860" in told(
        study
    )
    assert "1.752" in told(study)  # on the test text
    tie = told(conclude(study, difference=0.01))
    assert "A tie: the winner has 1.850 bits per byte and the recipe as it is 1.860" in tie
    assert "beats" not in tie


def test_what_the_test_text_says_of_winner_and_recipe_is_told_as_it_is():
    study = fabricate_study()
    agrees = told(conclude(study, test_difference=0.017))
    assert "the winner is better: 1.752 bits per byte in place of 1.769" in agrees
    for difference in (0.016, -0.016):
        chance = told(conclude(study, test_difference=difference))
        assert f"the recipe {1.752 + difference:.3f}: that may be chance" in chance
    contradicted = conclude(study, test_difference=-0.017)
    assert "the recipe is better: 1.735 bits per byte, and the winner 1.752" in told(contradicted)
    assert "safer choice" in render_tuning(contradicted)
    unknown = {
        **study["verdict"],
        "recipe_test_bits_per_byte": None,
        "test_difference": None,
        "is_contradicted": False,
    }
    assert "the winner has 1.752 bits per byte." in told({**study, "verdict": unknown})
    assert "test text" not in told({**study, "verdict": {**unknown, "test_bits_per_byte": None}})


def test_a_recipe_that_wins_or_could_not_be_trained_is_said():
    study = fabricate_study()
    recipe = study["verdict"]["recipe"]
    won = {**study["verdict"], "winner": recipe, "difference": 0.0, "is_tie": True}
    assert "No settings were found that are better" in told({**study, "verdict": won})
    assert "the recipe has 1.752 bits per byte." in told({**study, "verdict": won})
    assert "winner" not in " ".join(tell_tuning({**study, "verdict": won}))
    page = render_tuning({**study, "verdict": won})
    assert "What the winner changes" not in page
    without = {**study["verdict"], "recipe": None, "difference": None, "deviation": None}
    assert "could not be trained" in told({**study, "verdict": without})
    render_tuning({**study, "verdict": without})


def test_scores_are_ranked_among_trainings_of_the_same_length():
    ranked = best_first(fabricate_study())
    assert [each.rung for each in ranked] == sorted((each.rung for each in ranked), reverse=True)
    for rung in range(3):
        scores = [each.score for each in ranked if each.rung == rung]
        assert scores == sorted(scores)


def test_seeds_of_one_configuration_are_one_row_with_their_mean():
    study = fabricate_study(1, finished=False)
    again = trial(99, configuration=0, rung=2, values={}, score=1.88, seed=2)
    (recipe,) = [
        each
        for each in best_first({**study, "trials": [*study["trials"], again]})
        if each.configuration == 0
    ]
    assert (round(recipe.score, 3), recipe.seeds) == (1.87, 2)


def test_options_of_one_name_are_told_apart_by_their_component_and_others_are_short():
    one, other = "model.lstm.dropout", "model.transformer.dropout"
    dimensions = [
        dimension(one, "model/lstm"),
        dimension(other, "model/transformer"),
        dimension("training.learning_rate"),
    ]
    assert list(headings_of(dimensions).values()) == [
        "lstm dropout",
        "transformer dropout",
        "learning_rate",
    ]


def test_a_finished_study_shows_its_winner_and_the_commands_for_it():
    study = fabricate_study()
    page = Page(render_tuning(study))
    assert "textgen run books/alice.txt --config runs/tune-1/winner.toml" in page.text
    assert "textgen generate runs/tune-1/trials/049-2" in page.text
    assert "textgen tune --out" not in page.text
    titles = [text for element, text in page.texts if element in ("h3", "h4")]
    assert titles[:4] == [
        "What the winner changes",
        "The finalists under several seeds",
        "Scores by training time",
        "How much each setting mattered",
    ]
    headings = [each for each in titles if each in headings_of(study["dimensions"]).values()]
    assert headings[:2] == ["learning_rate", "model"]  # as important as they are
    assert len(page.ids()) == len(set(page.ids()))


def test_an_unfinished_study_shows_the_best_so_far_what_failed_and_how_to_go_on():
    page = Page(render_tuning(fabricate_study(finished=False)))
    assert (
        "Not finished. The best so far: no. 19, with 1.714 bits per byte after 3 min." in page.text
    )
    assert "textgen tune --out runs/tune-1" in page.text
    assert "out of memory in step 1" in page.text
    assert "41 min of 1 h" in page.text
    assert "the best so far" in page.text
    assert "winner.toml" not in page.text


def test_a_study_without_a_scored_trial_has_a_page_and_lines():
    study = {**fabricate_study(0, finished=False), "trials": [], "of_seconds": None}
    page = Page(render_tuning(study))
    assert "No trial has been scored yet." in page.text
    assert page.all("svg") == []
    assert "textgen tune --out runs/tune-1" in list(tell_tuning(study))[-1]


def test_one_budget_in_steps_and_one_trial_have_no_pictures_of_nothing():
    study = fabricate_study(0, finished=False)
    only = {**study, "budgets": [{"steps": 1200}], "trials": [{**study["trials"][0], "rung": 0}]}
    page = Page(render_tuning(only))
    assert page.all("svg") == []
    assert "1,200 steps" in page.text
    assert "the best third" not in page.text


def test_dots_and_rows_stand_for_every_scored_training_one_far_off_at_the_end_of_its_axis():
    study = fabricate_study(finished=False)
    far = trial(99, configuration=99, rung=0, values=study["trials"][1]["values"], score=40.0)
    study["trials"].append(far)
    page = render_tuning(study)
    scored = [each for each in best_first(study) if "training.learning_rate" in each.values]
    (picture,) = re.findall(r"<svg[^>]*>\s*<title[^>]*>learning_rate<.*?</svg>", page, re.S)
    assert picture.count("<circle") == len(scored)
    assert "no. 99" in picture
    assert all(0 <= float(y) <= 100 for y in re.findall(r'cy="([\d.-]+)%"', page))


def test_foreign_names_and_values_are_escaped_on_a_page_that_loads_nothing():
    study = fabricate_study(3, corpus=HOSTILE)
    values = {**study["trials"][1]["values"], "model": HOSTILE}
    study["dimensions"][0] = dimension("model", choices=[HOSTILE, "lstm"])
    study["trials"].append(trial(98, configuration=98, rung=2, values=values, score=1.9))
    study["trials"].append({**trial(99, configuration=99, rung=0, values={}, score=None)})
    study["trials"][-1] |= {"state": "failed", "reason": HOSTILE}
    page = render_tuning(study)
    assert "<script" not in page
    assert "\x1b" not in page
    assert page.count("&lt;script&gt;") >= 5
    assert "default-src 'none'" in page
    assert not re.search(r"\b(src|href)=\"(?!#)", page)


def test_samplers_that_were_tuned_stand_beside_the_runs_own_and_real_text():
    page = Page(render_tuning({**fabricate_study(), "samplers": tuned_samplers()}))
    assert (
        "temperature:t=0.8 nucleus:p=0.95 writes nearer to real text than the run's own "
        "nucleus:p=0.9: a distance of 0.40 against 1.30."
    ) in page.text
    assert "tuned: temperature:t=0.8" in page.text
    assert page.text.count("It was a long way home.") == 3  # a text of each chain
    assert page.text.count("there was a queen.") == 1
    farther = tuned_samplers(is_tie=True)
    farther["checked"][0]["distance"] = 1.4
    assert "writes no nearer" in render_tuning({**fabricate_study(), "samplers": farther})
    tie = {**fabricate_study(), "samplers": tuned_samplers(is_tie=True)}
    assert "or it is chance" in render_tuning(tie)
    for nothing in (None, {}, [], {**tuned_samplers(), "checked": [{}]}):
        assert 'id="samplers"' not in render_tuning({**fabricate_study(), "samplers": nothing})
    assert "<script" not in render_tuning({**tie, "samplers": tuned_samplers(name=HOSTILE)})


def test_no_english_is_left_on_a_spanish_page(monkeypatch: pytest.MonkeyPatch):
    study = {**fabricate_study(), "samplers": tuned_samplers()}
    said = [Reader(render_tuning(study)).said]
    monkeypatch.setenv("TEXTGEN_LANG", "es")
    for each in (study, fabricate_study(finished=False)):
        page = render_tuning(each)
        assert '<html lang="es">' in page
        said.append(Reader(page).said)
    english, *spanish = (words(" ".join(each)) & english_words() for each in said)
    of_options = {"model", "dropout", "learning", "rate", "units", "layers", "lstm", "transformer"}
    foreign = {*of_options, "memory", "step", "out"}  # and the reason of a failure
    assert len(english - foreign) > 50
    assert [sorted(each - foreign) for each in spanish] == [[], []]


def test_the_page_is_drawn_from_what_a_study_records(tmp_path: Path):
    record = TrialRecord(
        number=1,
        configuration=0,
        rung=0,
        seed=1,
        values={},
        state="finished",
        directory=tmp_path / "trials" / "001-0",
        score=1.9,
    )
    tuning = Tuning(
        directory=tmp_path,
        request={},
        dimensions=[],
        budgets=(Budget(epochs=2),),
        trials=(record,),
        importances={},
        seconds=4.0,
        of=None,
    )
    page = write_tuning(tmp_path / "tune.html", tuning.as_json()).read_text(encoding="utf-8")
    assert "Search on the built-in text" in page
    assert "2 epochs" in page
    with pytest.raises(RunDirectoryError):
        write_tuning(tmp_path / "no" / "tune.html", tuning.as_json())
