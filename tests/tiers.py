"""The two tiers of tests: which are slow, and which files run first.

Whatever is not listed in SLOW is quick, and runs by default. Every area keeps an end-to-end test in
the quick tier: a run and its resumption (`cli/test_run_command.py`), generation and scoring
(`cli/test_run_use.py`), a report (`report/`), a plugin (`docs/test_tutorials.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

import pytest

STALE_ENTRIES = pytest.StashKey[Sequence[str]]()  # where pytest's configuration keeps them

# How the ids of slow tests begin, within tests/, and why they are slow. `*` stands for anything,
# FILE@FIXTURE for the tests of a file that use a fixture.
SLOW = {
    # end to end: courses, packages, kills, damaged runs
    "cli/test_bad_input.py@results": "commands on runs in twenty kinds of disrepair",
    "cli/test_counts.py": "a run and what reads it: the mixture of pipeline/test_mixing shows it",
    "cli/test_compare.py@compared": "three runs, and comparisons of them",
    "cli/test_broken_plugins.py::test_beside_all_twelve_help_and_a_run": "a run beside all of them",
    "cli/test_documents.py": "trains on three corpora of names until they are names",
    "cli/test_explore.py@results": "explores an LSTM and a Transformer in thirty ways",
    "cli/test_from_run.py::test_interrupted_and_resumed": "two runs and a resumption",
    "cli/test_from_run.py::test_the_newest_of_several": "a second run",
    "cli/test_hostile_corpora.py@runs": "a run of every odd text",
    "cli/test_interactive_terminal.py": "a command at a terminal, and signals",
    "cli/test_interrupted_writing.py": "commands that are interrupted",
    "cli/test_machines.py": "runs of their own, as other users and on other disks",
    "cli/test_notebook_cell.py": "a run in a notebook",
    "cli/test_missing_plugins.py": "runs whose plugin has gone",
    "cli/test_outliving.py": "runs of their own, and signals",
    "cli/test_plan.py@planned": "two plans, a run and its resumption",
    "cli/test_plugins_check.py@checked": "the conformance kit as a command",
    "cli/test_programs.py::test_of_a_hundred": "two runs of the recipe fast",
    "cli/test_programs.py::test_two_commands": "two processes that import TensorFlow",
    "cli/test_prompts.py@results": "eight commands, most of which write or score",
    "cli/test_run_command.py@variants": "three more runs",
    "cli/test_runs_command.py::test_an_unpacked_run": "twelve commands, beside two processes",
    "cli/test_terminal_widths.py": "two runs, each at a terminal",
    "cli/test_texts_found_again.py::test_a_run_from_a_pipe": "a run, and five commands on it",
    "cli/test_tune.py::test_a_real": "a study whose process is killed: two imports of TensorFlow",
    "cli/test_tune_samplers.py@results": "three searches on a run, and a run with what was found",
    "corpus/reading/test_any_bytes.py::test_ten_thousand": "10,000 random files",
    "docs/test_chat_log.py@results": "trains on a chat and writes on",
    "docs/test_course.py::test_every_command_of_the_course": "all commands of the course",
    "docs/test_documentation.py::test_the_site_builds": "Sphinx",
    "docs/test_example.py": "builds and installs the example",
    "docs/test_notebooks.py@executed": "a run in a notebook, in each language",
    "docs/test_workers_guide.py::test_what_the_script_imports": "imports Ray",
    "docs/test_tutorials.py::test_the_tests_of_": "the conformance kit on every page's plugin",
    "evaluation/test_diagnosed_runs.py": "trains models until they fail as described",
    "evaluation/test_judged_runs.py": "a run for each of five verdicts",
    "evaluation/test_scoring_mixtures.py::test_the_curve": "the loss at many weights",
    "export/test_engine_programs.py::test_every_option": "converts eight models",
    "export/test_engine_programs.py::test_of_a_thousand": "converts eighteen programs",
    "export/test_engine_tokenizers.py::test_a_megabyte": "a megabyte for each tokenizer",
    "export/test_engine_tokenizers.py::test_twenty*bpe-characters": "bytes show it",
    "export/test_html.py": "a run, and programs of all samplers",
    "programs/test_model_program.py::test_500_tokens": "models of the size that is trained",
    "runs/test_any_bytes.py::test_a_report": "a page for each example",
    "runs/test_hostile_runs.py@opened": "opens two hundred hostile and damaged runs",
    "export/test_plugins_exported.py": "trains two models of a plugin, in a process of their own",
    "export/test_litert.py": "a run, its exports of three precisions, and processes of their own",
    "packaging/": "builds wheels and installs them",
    "programs/test_plugins_as_programs.py": "a run, its texts, and two components' checks",
    "pipeline/test_api.py::test_a_finished_run_goes_on_only_for_more": "several resumptions",
    "pipeline/test_api.py@plain": "a second run, its resumptions and ends",
    "pipeline/test_api.py::test_trackers_are_told_how": "three runs",
    "pipeline/test_api.py::test_a_relative_corpus_is_found_again": "a run and its resumption",
    "pipeline/test_fitting.py::test_a_run_is_fitted_once": "two runs, of which one is resumed",
    "programs/test_sampler_programs.py::test_programs_of_every_size": "converts 64 programs",
    "pipeline/test_mixing.py::test_a_run_goes_on": "a resumption",
    "pipeline/test_mixing.py::test_a_text_of_a_few_words": "a run of its own",
    "pipeline/test_mixing.py::test_a_network_that_learned_nothing": "a run of its own",
    "pipeline/test_mixing.py::test_counts_that_only_copy": "a run of its own",
    "pipeline/test_mixing.py::test_more_epochs": "a run of its own, and a resumption",
    "plugins/textgen_trackers/test_wandb.py": "a service of an extra",
    "serving/test_command.py@folder": "two runs, and servers of them as processes",
    "test_benchmarks.py": "tests of the benchmarks, not of textgen",
    "test_worker_benchmarks.py": "tests of a benchmark, not of textgen",
    "test_combinations.py": "a run each",
    "test_tiers.py::test_a_folder_runs": "pytest within pytest",
    "test_tiers.py::test_a_slow_test_runs_when": "pytest within pytest",
    "testing/test_bundled.py::*sampler.program": "tests/programs shows it",
    "testing/test_bundled.py::test_lstm": "the conformance kit on a model",
    "testing/test_bundled.py::test_transformer": "the conformance kit on a model",
    "testing/test_bundled.py::test_wandb": "the conformance kit on a service",
    "testing/test_checks.py::*component.restored": "a process of its own",
    "testing/test_running.py::test_pytest_shows": "pytest within pytest",
    "training/test_exact_resume.py": "runs stopped again and again",
    "training/test_parts.py::test_a_run_that_is_taken_up": "compiles three times",
    "training/test_parts.py::test_parts_side_by_side": "compiles for each",
    "training/test_killed_command.py": "commands that are killed",
    "training/test_workers.py::test_after_200": "two hundred steps, three times",
    "training/test_workers.py::test_parts_and": "XLA",
    "training/test_workers.py::*lstm-windows-4": "two workers show it",
    "training/test_workers.py::*lstm-streams": "windows show it",
    "training/test_workers.py::*transformer-": "the LSTM shows it, and training streams",
    "training/test_workers.py::test_the_update": "takes seconds for each optimizer",
    "training/test_workers_training.py::test_a_run_goes_on": "two runs",
    "training/test_workers_training.py::test_stopped*windows]": "streams show it",
    "training/workers/test_processes.py": "five runs of two processes each",
    "training/test_left_out_of_checkpoint.py": "runs resumed with something left out",
    # time and memory as they are measured, and extremes of size
    "config/test_resolve.py::test_any_text_and_number": "hundreds of examples",
    "corpus/reading/test_corpus.py::test_a_text_of_any_size": "measures memory",
    "pipeline/test_preparing.py::test_what_fits": "measures memory",
    "plugins/textgen_samplers/test_against_reference.py::test_tokens_are_drawn": "many draws",
    "testing/test_bundled.py::*frequencies": "many draws",
    "generation/test_healing.py::test_a_text_goes_on_exactly*characters": "compiles for each",
    "generation/test_healing.py::test_a_text_goes_on_exactly*[character]": "compiles for each",
    "generation/test_healing.py::test_a_text_goes_on_exactly*spaces": "compiles for each",
    "generation/test_loop.py::test_batches_of_many_sizes": "compiles for every size",
    "generation/test_many_and_long.py::*samplers1": "compiles for each",
    "plugins/textgen_models/test_regions.py::test_a_transformer": "compiles forty regions",
    "models/test_devices.py::test_freed_memory_is_kept": "processes of their own",
    "report/test_report.py::test_the_page_of_an_endless_run": "a million steps",
    "training/test_memory.py::test_half_precision_halves": "measures memory",
    "training/test_memory.py::test_recomputation_keeps_less": "measures memory",
    "training/test_recompute.py::test_the_compiled_step_needs_a_third_less": "measures memory",
    # what XLA compiles for seconds, and a graph or eager execution shows in the quick tier
    "generation/test_batches_agree.py": "a thousand draws of both models",
    "generation/test_generator.py::test_a_full_state": "XLA",
    "generation/test_generator.py::test_a_model_that_is_run_again": "XLA",
    "generation/test_loop.py::test_what_xla_cannot_compile": "XLA",
    "generation/test_traced_options.py::test_another_value*[F": "XLA",
    "generation/test_traced_options.py::test_another_value*[E": "XLA",
    "generation/test_traced_options.py::test_another_value*[R": "XLA",
    "generation/test_traced_options.py::test_another_value*[l": "XLA",
    "pipeline/test_training.py::test_a_validation_reads": "compiles two scorers",
    "pipeline/test_trial.py::test_a_trial_is_the_training": "two trials and a run",
    "pipeline/test_trial.py::test_a_trial_takes": "trains and scores a model",
    "pipeline/test_trial.py::test_rules_choose": "measures the steps of models built twice",
    "pipeline/test_searching.py::test_ended_in_each_trial": "a study that begins thirty times",
    "pipeline/test_searching.py::test_killed_again": "ten processes, four of them killed",
    "pipeline/test_searching.py::test_the_time_is_shared": "a study of an hour, of fakes",
    "plugins/textgen_models/test_contract.py::test_compiled_gradients*transf": "the LSTM shows it",
    "plugins/textgen_models/test_contract.py::test_compiled_gradients*xla]": "XLA",
    "plugins/textgen_models/test_contract.py::test_a_compiled_step*xla]": "XLA",
    "plugins/textgen_samplers/test_nucleus.py::*xla]": "XLA",
    "plugins/textgen_samplers/test_top_k.py::*xla]": "XLA",
    "testing/test_checks.py::test_a_sound_component_passes*compiles": "XLA",
    "training/test_gradient_accumulation.py::*graph]": "eager execution shows it",
    "training/test_gradient_accumulation.py::*xla]": "XLA",
    "training/test_gradient_accumulation.py::test_streams*Capped": "the other model shows it",
    "training/test_gradient_accumulation.py::test_streams*-1-eager]": "two batches show it",
    "training/test_job.py::test_measuring_leaves*xla": "XLA",
    "training/test_loss.py::test_the_loss_in_chunks_equals*graph]": "eager execution shows it",
    "training/test_loss.py::test_the_loss_in_chunks_equals*[5-xla]": "one chunk and eager show it",
    "training/test_loss.py::test_the_loss_in_chunks_equals*[8-xla]": "one chunk and eager show it",
    "training/test_loss.py::test_the_loss_in_chunks_equals*[24-xla]": "one chunk and eager show it",
    "training/test_not_finite.py::test_under_xla": "XLA",
    "training/test_recompute.py::test_a_step_with_dropout": "four compilations",
    "training/test_step.py::test_a_model_in_parts*False]": "True shows it too",
    "training/test_step.py::*graph]": "eager execution shows it",
    "training/test_step.py::test_a_full_state*xla]": "XLA",
    "training/test_step.py::test_a_scaled_loss*xla]": "XLA",
    "training/test_step.py::test_a_state_is_carried*xla]": "XLA",
    "training/test_step.py::test_an_epoch_that_starts*xla]": "XLA",
    "training/test_step.py::test_a_step_that_is_not_finite*xla]": "XLA",
    "training/test_step.py::test_the_loss_in_chunks*xla]": "XLA",
}

# The longest files of both tiers, the longest first: last, one of them would keep a core waiting.
FIRST = (
    "docs/test_course.py",
    "training/test_exact_resume.py",
    "packaging/test_scaffold.py",
    "cli/test_hostile_corpora.py",
    "training/test_killed_command.py",
    "test_combinations.py",
    "pipeline/test_api.py",
    "cli/test_run_command.py",
    "cli/test_bad_input.py",
    "training/test_gradient_accumulation.py",
    "generation/test_generator.py",
    "cli/test_broken_plugins.py",
    "testing/test_bundled.py",
    "training/test_recompute.py",
    "cli/test_run_use.py",
    "training/test_step.py",
    "cli/test_explore.py",
    "plugins/textgen_models/test_contract.py",
    "docs/test_tutorials.py",
)


def is_slow(item: pytest.Item) -> bool:
    """Whether a test belongs to the slow tier."""
    return any(_is_of(entry, item) for entry in SLOW)


def rank(item: pytest.Item) -> int:
    """Return the place of a test's file in the order of execution."""
    return next((place for place, file in enumerate(FIRST) if _is_of(file, item)), len(FIRST))


def stale_entries(items: Sequence[pytest.Item]) -> list[str]:
    """Return the entries of SLOW and FIRST that stand for none of all the tests."""
    return [entry for entry in (*SLOW, *FIRST) if not any(_is_of(entry, item) for item in items)]


def _is_of(entry: str, item: pytest.Item) -> bool:
    start, _, fixture = entry.partition("@")
    pattern = start.replace("[", "[[]") + "*"
    within_tests = item.nodeid.removeprefix("tests/")
    return fnmatchcase(within_tests, pattern) and (
        fixture in ("", *getattr(item, "fixturenames", ()))
    )
