"""The search of `textgen tune`: trials at increasing budgets, and samplers on a trained run.

`records` is what comes of a study. `planning` decides what is next: `rungs` promotes, `proposing`
asks Optuna for values, `timing` says what still fits. `study` and `journal` keep it, `clock` notes
who is working on it; `trial` trains one, `searching` one after the other, and `winner` ends it.
"""
