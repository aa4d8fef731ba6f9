"""The search of `textgen tune`: trials at increasing budgets, and samplers on a trained run.

`records` is what comes of a study; `study` keeps it in Optuna's journal and asks for values,
`rungs` decides what is trained next and `clock` whether there is time for it; `trial` trains one,
`searching` does one after the other, and `winner` says what is best, and whether by chance.
"""
