"""Draws the pictures of the course, as SVG files that stand alone, in English and Spanish.

    python docs/course/make_pictures.py ENGLISH SPANISH [--only NAME]

ENGLISH and SPANISH are folders in which the commands of the pages were run: with `runs/first`,
`runs/fast` and `runs/lstm`, and with what `textgen score` and `textgen explore ... temperature`
print with `--json` in score.json and temperature.json, and attention.svg. A picture is written to
docs/course/pictures/NAME.svg, the Spanish one to NAME.es.svg. What a picture shows is decided in
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
    "attention": of_exploring.draw_attention,
    "surprise": of_exploring.draw_surprise,
    "temperatures": of_exploring.draw_temperatures,
}


def main() -> None:
    """Write the pictures that the sources at hand allow."""
    parser = argparse.ArgumentParser(description="Draw the pictures of the course.")
    parser.add_argument("english", type=Path, help="the folder of the English pages' commands")
    parser.add_argument("spanish", type=Path, help="that of the Spanish ones")
    parser.add_argument("--only", choices=PICTURES, help="draw this picture alone")
    given = parser.parse_args()
    for folder, ending, say in (
        (given.english, ".svg", str),
        (given.spanish, ".es.svg", to_spanish),
    ):
        sources = Sources(folder)
        for name in [given.only] if given.only else PICTURES:
            path = HERE / f"{name}{ending}"
            path.write_text(PICTURES[name](sources, say), encoding="utf-8")
            print(f"{path.name}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
