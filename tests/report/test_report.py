from __future__ import annotations

import itertools
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
from report.fabricated_run import PROMPT, SAMPLERS, configuration, evaluation, rows_of, write_logs
from report.reading import Page

from textgen_core.errors import RunDirectoryError
from textgen_core.report import write_report
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import append_row, read_json, write_json, write_toml

SECTIONS = ["story", "diagnosis", "text", "learning", "figures", "failures", "metrics", "corpus"]
SECTIONS += ["model", "configuration", "origin"]
PICTURES = {"baselines", "losses", "rates", "zipf", "line-lengths", "sentence-lengths"}
PICTURES |= {"top-words", "top-bigrams", "top-trigrams"}
PICTURES |= {"by-frequency", "by-position", "gap", "over-length", "over-length-repeats"}
LARGEST = 1_000_000  # bytes


def page_of(run: RunDirectory, *, excerpts: bool = True) -> Page:
    return Page(write_report(run, excerpts=excerpts).read_text(encoding="utf-8"))


def change(path: Path, **values: object) -> None:
    write_json(path, {**read_json(path), **values})


def test_the_report_is_written_into_the_run_and_nothing_else_is(run: RunDirectory):
    before = {path.name for path in run.path.iterdir()}
    assert write_report(run) == run.report
    assert {path.name for path in run.path.iterdir()} == before | {"report.html"}


def test_a_page_that_the_run_does_not_take_can_be_written_elsewhere(
    run: RunDirectory, tmp_path: Path
):
    run.report.mkdir()
    with pytest.raises(RunDirectoryError) as refused:
        write_report(run)
    assert refused.value.advice == f"Write it elsewhere: textgen report {run.path} --out FILE"
    assert write_report(run, out=tmp_path / "page.html") == tmp_path / "page.html"
    run.report.rmdir()
    assert (tmp_path / "page.html").read_bytes() == write_report(run).read_bytes()


def test_the_same_files_give_the_same_page(run: RunDirectory):
    first = write_report(run).read_bytes()
    assert write_report(run).read_bytes() == first


def test_the_sections_come_in_their_order(run: RunDirectory):
    page = page_of(run)
    assert [each["id"] for each in page.all("section")] == SECTIONS


def test_every_link_leads_to_a_place_on_the_page(run: RunDirectory):
    page = page_of(run)
    links = [each["href"] for each in page.all("a")]
    assert links
    assert {str(link) for link in links} <= {f"#{name}" for name in page.ids()}


def test_the_page_loads_nothing_and_runs_nothing(run: RunDirectory):
    source = write_report(run).read_text(encoding="utf-8")
    page = Page(source)
    names = {name for name, _ in page.elements}
    assert not names & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert not {key for _, each in page.elements for key in each if key in ("src", "srcset")}
    assert "@import" not in source
    assert "url(" not in source
    assert "://" not in source
    policy = [each["content"] for each in page.all("meta") if "http-equiv" in each]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_every_picture_is_described(run: RunDirectory):
    page = page_of(run)
    ids = page.ids()
    assert len(ids) == len(set(ids))
    pictures = [each for each in page.all("svg") if each.get("role") == "img"]
    names = {str(each["aria-labelledby"]).split("-title")[0] for each in pictures}
    assert names >= PICTURES
    for picture in pictures:
        assert set(str(picture["aria-labelledby"]).split()) <= set(ids)


def test_the_headline_tells_bits_perplexity_and_its_reading(run: RunDirectory):
    text = page_of(run).text
    assert "1.151" in text
    assert "25.6" in text
    assert "good for a small model; guessing has 4004" in text
    assert "Scored on the test split: 27,412 tokens" in text


def test_the_baselines_stand_beside_the_model(run: RunDirectory):
    text = page_of(run).text
    names = ("This model", "Compressing with xz", "Counting tokens", "Guessing among all")
    for words in (*names, "Counting 5-grams 1.458", "counting 5-grams 4.11"):
        assert words in text


def test_the_parts_of_a_mixture_are_told_beside_it(run: RunDirectory):
    assert "mixed with counts" not in page_of(run).text
    network, counts = ({"loss": 2.0, "bits_per_byte": bits} for bits in (3.5, 1.25))
    change(run.evaluation, parts={"network": network, "counts": {**counts, "order": 6}})
    text = page_of(run).text
    assert "mixed with counts of 6-grams. For a byte the counts alone need 1.250 bits" in text
    assert "and the network alone 3.500." in text
    for damaged in ({}, {"network": network}, {"counts": {"order": None}}):
        change(run.evaluation, parts=damaged)
        assert "mixed with counts" not in page_of(run).text


def test_the_final_samples_follow_their_prompt(run: RunDirectory):
    page = page_of(run)
    finals = [row["text"].strip() for row in rows_of(run.samples)[-3:]]
    shown = [text for element, text in page.texts if text in finals]
    assert shown == [finals[0], *finals]  # the first one also on the first screen
    assert [element for element, text in page.texts if text == PROMPT].count("b") == 6


def test_metrics_are_read_in_a_sentence_and_unknown_ones_shown_plainly(run: RunDirectory):
    text = page_of(run).text
    assert "Repeated 4-grams rep_4 0.021 Share of a sample's 4-grams" in text
    assert "warmth 0.00042 Heat of the words. Lower is better. depth –" in text


def test_a_metric_that_was_measured_on_held_out_text_too_is_laid_out_in_pairs(run: RunDirectory):
    for measured, kind in (({}, "readings"), ({"copied_4_held_out": 0.05}, "readings paired")):
        change(run.evaluation, metrics={"novelty": {"copied_4": 0.3, **measured}})
        assert kind in [each.get("class") for each in page_of(run).all("dl")]


def test_the_diagnosis_names_issue_evidence_and_suggestion(run: RunDirectory):
    text = page_of(run).text
    for words in evaluation()["diagnosis"][0].values():
        assert words in text


def test_a_diagnosis_without_findings_says_so(run: RunDirectory):
    change(run.evaluation, diagnosis=[])
    assert "Nothing stood out." in page_of(run).text


def test_where_the_run_comes_from_is_told_in_full(run: RunDirectory):
    text = page_of(run).text
    for words in ("3f" * 32, "/texts/harbour.txt", "tensorflow 2.21.0", "Linux 6.9.3", "seed 42"):
        assert words in text
    assert "recurrent_2 LSTM (1, 100, 256) (32, 100, 256) 525,312" in text
    assert "learning_rate 0.003" in text


def test_a_validation_split_that_was_scored_instead_is_named(run: RunDirectory):
    change(run.evaluation, split="validation")
    assert "There was no test split, so the validation split was scored" in page_of(run).text


def test_null_figures_are_dashes(run: RunDirectory):
    change(run.evaluation, perplexity=None, bits_per_byte=None, loss=None)
    page = page_of(run)
    assert [text for element, text in page.texts if element == "dd"][:3] == ["–", "–", "–"]
    assert "None" not in page.text
    assert "nan" not in page.text.split()


# ---- what is missing --------------------------------------------------------------------------

MISSING = {
    "run.toml": "run.toml is missing",
    "manifest.json": "The model was not built, or manifest.json is missing.",
    "analysis.json": "The corpus was not analysed, or analysis.json is missing.",
    "metrics.jsonl": "Nothing was logged",
    "samples.jsonl": "This run has written no text yet.",
    "evaluation.json": "This run has not been scored",
    "best.json": "The training loss is measured",
}


@pytest.mark.parametrize(("name", "sentence"), MISSING.items())
def test_the_section_of_a_missing_file_says_so(run: RunDirectory, name: str, sentence: str):
    (run.path / name).unlink()
    page = page_of(run)
    assert sentence in page.text
    assert [each["id"] for each in page.all("section")] == SECTIONS


def test_a_run_that_has_only_begun_has_a_report(tmp_path: Path):
    text = page_of(RunDirectory(tmp_path)).text
    for sentence in MISSING.values():
        assert sentence in text or sentence.startswith("The training loss")


def test_an_unscored_run_shows_its_last_validation(run: RunDirectory):
    run.evaluation.unlink()
    last = [row for row in rows_of(run.metrics) if "validation_loss" in row][-1]
    text = page_of(run).text
    assert "those of the last validation, at step 1,400" in text
    assert f"{last['validation_bits_per_byte']:.3f}" in text


def test_a_run_that_another_process_writes_is_said_to_go_on(run: RunDirectory):
    holder = {
        "pid": os.getppid(),
        "host": platform.node(),
        "since": "now",
        "command": "textgen run",
    }
    write_json(run.lock, holder)
    page = page_of(run)
    assert "Training, step 1,400. Its report follows it." in page.text
    assert [each for each in page.all("meta") if each.get("http-equiv") == "refresh"] == []
    for nobody in ({"pid": os.getpid()}, {"host": "another machine"}, {"pid": "x"}, {"pid": -1}):
        write_json(run.lock, {**holder, **nobody})
        assert "Training, step" not in page_of(run).text


def test_what_differs_from_the_recipe_comes_before_all_settings(run: RunDirectory):
    assert "What differs from the recipe" not in page_of(run).text
    write_toml(run.configuration, {**configuration(), "from_recipe": "fast"})
    change(run.manifest, changes=[])
    assert "Everything is as in the recipe fast." in page_of(run).text
    changes = [{"setting": "training.minutes", "value": 3.0, "recipe": 1.5}]
    changes += [{"setting": "model.units", "value": [256, 256], "recipe": None}]
    change(run.manifest, changes=changes)
    text = page_of(run).text
    shown = "training.minutes 3 1.5 model.units 256, 256 –"
    assert text.index("What differs from the recipe fast") < text.index(shown)
    assert text.index(shown) < text.index("All settings, as in run.toml")


def test_headings_do_not_skip_a_level(run: RunDirectory):
    levels = [int(name[1]) for name, _ in page_of(run).elements if name in ("h1", "h2", "h3", "h4")]
    assert levels[:2] == [1, 2]
    assert all(later <= before + 1 for before, later in itertools.pairwise(levels))


def test_every_text_of_the_slider_can_be_chosen_and_the_last_one_is(run: RunDirectory):
    page = page_of(run)
    stops = [each for each in page.all("input") if each.get("type") == "radio"]
    assert len(stops) == 10
    assert ["checked" in each for each in stops] == [False] * 9 + [True]
    assert {each["name"] for each in stops} == {"slider"}


def test_corpus_metrics_and_configuration_are_folded(run: RunDirectory):
    folds = [each for each in page_of(run).all("details") if each.get("class") == "fold"]
    assert len(folds) == 5  # and the model's layers, and the origin
    assert not [each for each in folds if "open" in each]


def test_an_analysis_of_an_empty_corpus_draws_no_picture(run: RunDirectory):
    empty = {"count": 0, "mean": 0.0, "median": 0.0, "maximum": 0, "edges": [], "counts": []}
    change(
        run.analysis,
        line_lengths=empty,
        sentence_lengths=empty,
        rank_frequency=[],
        zipf=None,
        top_words=[],
        top_bigrams=[],
        top_trigrams=[],
        scripts={},
    )
    text = page_of(run).text
    assert "There are too few different words for a curve." in text
    assert "No lines were counted." in text
    assert "No words were counted." in text


# ---- what is damaged --------------------------------------------------------------------------

DAMAGE = [
    ("run.toml", b"seed = "),
    ("run.toml", b"name = '\xff'"),
    ("run.toml", b"model = 3"),
    ("manifest.json", b'{"model": {"layers": 3}}'),
    ("manifest.json", b'{"model": {"parameters": "many"}}'),
    ("manifest.json", b"[]"),
    ("manifest.json", b'{"changes": [3]}'),
    ("texts.json", b'{"texts": [{"text": 3}]}'),
    ("texts.json", b'{"texts": [{"text": "a"}]}'),
    ("ratings.json", b'{"sheets": [{"ratings": [1]}]}'),
    ("ratings.json", b'{"sheets": [{"ratings": {"grammar": {"model": {"mean": "4"}}}}]}'),
    ("analysis.json", b'{"characters": 3'),
    ("analysis.json", b'{"top_words": [["the"]]}'),
    ("analysis.json", b'{"top_words": [[3, 3]]}'),
    ("analysis.json", b'{"line_lengths": [1]}'),
    ("analysis.json", b"[" * 200_000),
    ("evaluation.json", b'{"metrics": {"bleu": 3}}'),
    ("evaluation.json", b'{"diagnosis": ["bad"]}'),
    ("evaluation.json", b'{"perplexity": true}'),
    ("evaluation.json", b'{"baselines": {"ngram": {"order": "five"}}}'),
    ("evaluation.json", b'{"signatures": ["nrefs:1"]}'),
    ("evaluation.json", b'{"metrics": {"bleu": {}}, "signatures": {"bleu": 3}}'),
    ("evaluation.json", b'{"metrics": {"a": {"b": 1}}, "readings": {"a": {"b": "help"}}}'),
    ("evaluation.json", b'{"diagnosis": [{"setting": ["training.minutes"]}]}'),
    ("evaluation.json", b'{"errors": [1]}'),
    ("evaluation.json", b'{"errors": {"by_frequency": [[1, 9, 3, 2.0]]}}'),
    ("evaluation.json", b'{"errors": {"by_frequency": [{"from": "one", "loss": 1}]}}'),
    ("evaluation.json", b'{"errors": {"by_position": [[1, 2]]}}'),
    ("evaluation.json", b'{"errors": {"by_position": [1, 2]}}'),
    ("evaluation.json", b'{"errors": {"position_of": 3}}'),
    ("evaluation.json", b'{"errors": {"over_length": [[1, "2", 3]]}}'),
    ("evaluation.json", b'{"errors": {"gap": {"1": 2}}}'),
    ("evaluation.json", b'{"errors": {"worst_lines": ["a line"]}}'),
    ("evaluation.json", b'{"errors": {"worst_lines": [{"text": 3}]}}'),
    ("evaluation.json", b'{"errors": {"loops": [{"times": true}]}}'),
    ("evaluation.json", b'{"written": {"prompt": ""}}'),
    ("evaluation.json", b'{"written": [{"pieces": ["word"]}]}'),
    ("evaluation.json", b'{"written": [{"pieces": [["word", 1.0]]}]}'),
    ("evaluation.json", b'{"written": [{"pieces": [[1, 1.0, false]]}]}'),
    ("evaluation.json", b'{"written": [{"pieces": [["word", "1", false]]}]}'),
    ("evaluation.json", b'{"written": [{"pieces": [["word", 1.0, "yes"]]}]}'),
    ("evaluation.json", b'{"written": [{"prompt": 1, "pieces": [["word", 1.0, true]]}]}'),
    ("evaluation.json", b"\xff\xfe"),
    ("best.json", b'"step-00000001"'),
    ("metrics.jsonl", b'{"step": 1, "lo\n{"step": 2, "loss": 1.0}\n'),
    ("metrics.jsonl", b'{"loss": 1.0}\n'),
    ("metrics.jsonl", b"3\n"),
    ("metrics.jsonl", b"\xff\n"),
    ("samples.jsonl", b'{"step": 1, "text": 5}\n'),
]


@pytest.mark.parametrize(("name", "content"), DAMAGE)
def test_a_damaged_file_is_named_and_no_page_is_written(
    run: RunDirectory, name: str, content: bytes
):
    (run.path / name).write_bytes(content)
    with pytest.raises(RunDirectoryError, match=name.replace(".", r"\.")):
        write_report(run)
    assert not run.report.exists()


def test_the_last_row_of_a_killed_run_may_be_unfinished(run: RunDirectory):
    with run.metrics.open("a", encoding="utf-8") as file:
        file.write('{"step": 1410, "lo')
    assert "1,400" in page_of(run).text


def test_numbers_that_no_picture_can_hold_are_left_out(run: RunDirectory):
    huge = "1" * 400
    run.metrics.write_text(
        f'{{"step": 1, "loss": NaN}}\n{{"step": 2, "loss": {huge}}}\n'
        '{"step": 3, "loss": 1e-320, "learning_rate": Infinity}\n{"step": 4, "loss": 2.5}\n',
        encoding="utf-8",
    )
    assert "training loss: from 0 at step 3 to 2.5 at step 4." in page_of(run).text


# ---- hostile text -----------------------------------------------------------------------------

EVIL = '</text></svg></style></title><script>alert("x")</script><img src=x onerror=alert(1)>'


def make_hostile(run: RunDirectory) -> None:
    write_toml(run.configuration, {"recipe": EVIL, EVIL: {EVIL: EVIL}, "samplers": [{EVIL: EVIL}]})
    words = [[EVIL, 9], ["<script>", 5]]
    scripts = {EVIL: 3}
    change(run.analysis, top_words=words, top_bigrams=words, top_trigrams=words, scripts=scripts)
    finding = {"trouble": EVIL, "evidence": EVIL, "advice": EVIL, "setting": EVIL}
    baselines = {EVIL: {"bits_per_byte": 2.0, "loss": 5.0}}
    errors = {
        **evaluation()["errors"],
        "position_of": EVIL,
        "worst_lines": [{"text": EVIL, "tokens": 1, "bits_per_byte": 1.0}],
        "loops": [{"text": EVIL, "times": 2, "sample": 1}],
    }
    change(
        run.evaluation,
        split=EVIL,
        metrics={EVIL: {EVIL: 1.0}},
        diagnosis=[finding],
        baselines=baselines,
        signatures={EVIL: EVIL},
        readings={EVIL: {EVIL: {"help": EVIL, "direction": EVIL}}},
        errors=errors,
        written=[{"prompt": EVIL, "pieces": [[EVIL, 1.0, False], [EVIL, 2.0, True]]}],
    )
    change(
        run.manifest,
        created=EVIL,
        versions={EVIL: EVIL},
        corpus=[{"path": EVIL, "bytes": 1, "sha256": EVIL}],
        machine={EVIL: [EVIL]},
    )
    for step in (1500, 1600):
        row = {"step": step, "prompt": EVIL, "seed": 1, "samplers": [EVIL], "text": EVIL}
        append_row(run.samples, row)


def test_hostile_text_stays_text_everywhere(run: RunDirectory):
    plain = {name for name, _ in page_of(run).elements}
    make_hostile(run)
    page = page_of(run)
    assert {name for name, _ in page.elements} <= plain
    assert not [key for _, each in page.elements for key in each if key.startswith("on")]
    assert EVIL in page.text


def test_hostile_text_stays_text_in_every_new_field(run: RunDirectory):
    make_hostile(run)
    source = write_report(run).read_text(encoding="utf-8")
    # Setting, prompt, two pieces, worst line, loop, signature, help of a figure, level of a curve.
    texts = [text for _, text in Page(source).texts if text.lower().startswith(EVIL[:20].lower())]
    assert len(texts) > 30
    assert source.count("<script") == 0
    assert source.count("</style>") == 1


def test_words_of_the_corpus_are_escaped_inside_pictures(run: RunDirectory):
    make_hostile(run)
    page = page_of(run)
    assert [element for element, text in page.texts if text == "<script>"] == ["text"] * 3
    assert "title" in {element for element, text in page.texts if text.startswith(EVIL)}
    assert "&lt;script&gt;" in run.report.read_text(encoding="utf-8")


def test_the_name_of_a_run_is_escaped(tmp_path: Path):
    folder = tmp_path / "<b>&\udcff"
    folder.mkdir()
    page = page_of(RunDirectory(folder))
    assert ("h1", "<b>&\ufffd") in page.texts


def test_what_no_page_can_show_is_replaced(run: RunDirectory):
    append_row(
        run.samples, {"step": 2000, "prompt": "", "seed": 1, "samplers": [], "text": "a\x00b"}
    )
    with run.samples.open("a", encoding="utf-8") as file:
        file.write('{"step": 2000, "prompt": "", "seed": 1, "samplers": [], "text": "c\\ud800d"}\n')
    change(run.analysis, top_words=[["e\x1bf", 3]])
    text = page_of(run).text
    assert "a\ufffdb" in text
    assert "c\ufffdd" in text
    assert "e\ufffdf" in text


def test_texts_keep_their_own_direction(run: RunDirectory):
    texts = [each for each in page_of(run).all("div") if "text" in str(each.get("class")).split()]
    assert texts
    assert all(each["dir"] == "auto" for each in texts)


# ---- excerpts and size ------------------------------------------------------------------------


def test_without_excerpts_no_words_of_the_corpus_are_quoted(run: RunDirectory):
    change(run.analysis, top_words=[["xylograph", 9]], top_bigrams=[["xylograph of", 5]])
    assert "xylograph" in page_of(run).text
    text = page_of(run, excerpts=False).text
    assert "xylograph" not in text
    assert "left out of this page" in text
    assert PROMPT in text


def test_without_excerpts_all_that_the_evaluation_quotes_is_left_out(run: RunDirectory):
    quotes = ["Quoth the samovar.", "Nine zlotys.", "The pilot knew", " lanterns"]
    row = {"step": 1120, "prompt": PROMPT, "seed": 42, "samplers": SAMPLERS}
    append_row(run.samples, {**row, "text": " sang: Where lanterns never burn, no more"})
    loop = {"text": "Where lanterns never burn", "times": 3, "sample": 1}
    finding = {"trouble": "repetition", "evidence": "“Nine zlotys.” stands 3 times at once."}
    change(run.evaluation, errors={**evaluation()["errors"], "loops": [loop]}, diagnosis=[finding])
    assert all(words.strip() in page_of(run).text for words in quotes)
    text = page_of(run, excerpts=False).text
    assert not [words for words in quotes if words.strip() in text]
    assert "[4 tokens memorized]" in text
    assert "They are lines of the held-out text, and left out of this page." in text
    assert "sang: [memorized], no more" in text
    assert "“…” stands 3 times at once." in text
    assert PROMPT in text
    assert " fog".strip() in text


def test_the_memorized_words_are_marked_and_the_colours_explained(run: RunDirectory):
    page = page_of(run)
    kinds = [each.get("class") for each in page.all("span")]
    assert kinds.count("s0 memorized") == 4
    assert "verbatim from the training text" in page.text
    assert "under 1 1–2 2–4 4–7 7–11 over 11" in page.text


def test_a_finding_names_the_setting_to_change(run: RunDirectory):
    assert "Setting to change: training.minutes" in page_of(run).text
    change(run.evaluation, diagnosis=[{"trouble": "a", "evidence": "b", "advice": "c"}])
    assert "Setting to change" not in page_of(run).text


def test_an_evaluation_without_the_newer_keys_has_a_page(run: RunDirectory):
    values = read_json(run.evaluation)
    newer = ("errors", "written", "signatures", "readings")
    write_json(run.evaluation, {key: values[key] for key in values if key not in newer})
    text = page_of(run).text
    assert "This was not looked into" in text
    assert "How sure it was" not in text
    change(run.evaluation, **dict.fromkeys(newer))
    assert page_of(run).text == text


def test_the_page_of_an_endless_run_stays_under_a_megabyte(run: RunDirectory):
    run.metrics.unlink()
    run.samples.unlink()
    write_logs(run, steps=20_000, every=20)
    scores = {"validation_loss": 3.3, "validation_perplexity": 27.1}
    for step in range(20_001, 20_101):
        append_row(run.metrics, {"step": step, **scores, "validation_bits_per_byte": 1.2})
    long, line = "<&" * 10_000, "<&" * 1_000  # evaluation.json stays within what may be read
    words = [[long, 5]] * 100
    change(run.analysis, top_words=words, top_bigrams=words, top_trigrams=words, sampled=[long] * 2)
    layer = {"name": long, "kind": long, "output_for_one": long, "parameters": 1}
    model = {"layers": [layer] * 250, "parameters": 1}
    files = [{"path": f"/corpus/{number}" * 20, "sha256": "ab" * 32} for number in range(2000)]
    change(run.manifest, model=model, corpus=files, machine={"system": long})
    write_toml(run.configuration, {"corpus": {"files": [each["path"] for each in files]}})
    findings = [{"trouble": long, "evidence": long, "advice": long, "setting": long}] * 3
    errors = {
        "by_frequency": [{"from": 1, "to": 9, "tokens": 5, "loss": 1.0}] * 5000,
        "by_position": [[place, 1.0, 500] for place in range(5000)],
        "worst_lines": [{"text": line, "tokens": 1, "bits_per_byte": 1.0}] * 5000,
        "over_length": [[place, 1.0, 0.5] for place in range(5000)],
        "loops": [{"text": line, "times": 1, "sample": 1}] * 5000,
        "gap": [[place, 1.0, 0.5] for place in range(5000)],
    }
    written = [{"prompt": long, "pieces": [["\n<&", 12.5, False]] * 10_000}] * 2
    change(run.evaluation, diagnosis=findings, errors=errors, written=written)
    for step in range(12):
        row = {"step": 20_000, "prompt": "", "seed": 1, "samplers": [long]}
        append_row(run.samples, {**row, "text": f"{step}{long}"})
    assert write_report(run).stat().st_size < LARGEST
    text = page_of(run, excerpts=False).text
    assert run.report.stat().st_size < LARGEST
    assert "50 more layers are in manifest.json." in text
    assert "1900 more are in manifest.json." in text
    assert "50 earlier ones are in metrics.jsonl." in text


# ---- lightness --------------------------------------------------------------------------------


def test_the_report_needs_neither_tensorflow_nor_plugins():
    code = (
        "import sys; import textgen_core.report; "
        "print(sorted({name.split('.')[0] for name in sys.modules} "
        "& {'tensorflow', 'keras', 'tokenizers', 'textgen_metrics'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
