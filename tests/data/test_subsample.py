from __future__ import annotations

import numpy as np
import pytest

from textgen_core.data.token_files import SPANS, subsample_evenly

TOKENS = np.arange(10_000, dtype=np.uint16)


@pytest.mark.parametrize("wanted", [None, 10_000, 20_000])
def test_all_tokens_are_their_own_sample(wanted):
    assert subsample_evenly(TOKENS, wanted) is TOKENS


def test_a_sample_is_spans_from_the_beginning_to_the_end():
    sample = subsample_evenly(TOKENS, 1600)
    pieces = sample.reshape(SPANS, 100).astype(int)
    assert (np.diff(pieces, axis=1) == 1).all()
    assert sample[0] == 0
    assert sample[-1] == TOKENS[-1]
    distances = np.diff(pieces[:, 0])
    assert distances.max() - distances.min() <= 1


@pytest.mark.parametrize("wanted", [1, 2, 3, 17, 9_999])
def test_a_sample_of_any_size_has_a_target_and_about_as_many_tokens(wanted):
    assert 2 <= len(subsample_evenly(TOKENS, wanted)) <= max(2, wanted)
