"""Draws the pictures of the course, as SVG files that stand alone, in English and Spanish.

    python docs/course/make_pictures.py RUNS [--book ANALYSIS] [--explored FOLDER] [--only NAME]

RUNS is the folder with the runs of the course: `first`, `fast` and `lstm`. ANALYSIS is the
output of `textgen analyze --json` for another text, whose domain words are drawn. FOLDER has
score.json and temperature.json, the output of `textgen score` and `textgen explore ... temperature`
with `--json`, for lesson 5 and the page of concepts. A picture is written to
docs/course/pictures/NAME.svg, with Spanish words to NAME.es.svg. What a picture shows is decided in
the modules beside them; this one knows only their names.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pictures import of_a_text, of_exploring, of_models, of_preparing, of_training
from pictures.sheet import Sources
from pictures.spanish import to_spanish

HERE = Path(__file__).resolve().parent / "pictures"
PICTURES: dict[str, Callable[..., str]] = {
    "zipf": of_a_text.draw_zipf,
    "sentence-lengths": of_a_text.draw_sentence_lengths,
    "domain-words": of_a_text.draw_domain_words,
    "windows": of_preparing.draw_windows,
    "lstm": of_models.draw_lstm,
    "transformer": of_models.draw_transformer,
    "learning-first": partial(of_training.draw_learning, "first"),
    "learning-fast": partial(of_training.draw_learning, "fast"),
    "learning-lstm": partial(of_training.draw_learning, "lstm"),
    "frequencies": partial(of_training.draw_frequencies, "fast"),
    "surprise": of_exploring.draw_surprise,
    "temperatures": of_exploring.draw_temperatures,
}


def main() -> None:
    """Write the pictures that the sources at hand allow."""
    parser = argparse.ArgumentParser(description="Draw the pictures of the course.")
    parser.add_argument("runs", type=Path, help="the folder with the runs of the course")
    parser.add_argument("--book", type=Path, help="textgen analyze --json of another text")
    parser.add_argument("--explored", type=Path, help="the folder with what was explored")
    parser.add_argument("--only", choices=PICTURES, help="draw this picture alone")
    given = parser.parse_args()
    sources = Sources(runs=given.runs, book=given.book, looked_into=given.explored)
    for name in [given.only] if given.only else PICTURES:
        for ending, say in ((".svg", str), (".es.svg", to_spanish)):
            path = HERE / f"{name}{ending}"
            path.write_text(PICTURES[name](sources, say), encoding="utf-8")
            print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
