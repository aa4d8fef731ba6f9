"""A prompt may end anywhere: the texts after it do not depend on where it was cut."""

from __future__ import annotations

import attrs
import numpy as np
import pytest
from generation.fake_models import TableModel

from textgen_core.config.settings import CorpusSettings
from textgen_core.data.text_input import TextInput
from textgen_core.data.token_bytes import READY, REFUSED, TokenBytes, utf8_state
from textgen_core.data.tokenizer import START
from textgen_core.generation import Generator
from textgen_core.generation.guide import make_guide
from textgen_core.generation.healing import cut_prompt
from textgen_core.generation.prompts import read_prompts
from textgen_core.generation.tensorflow_runtime import TensorFlowRuntime
from textgen_core.models.language_model import LanguageModel
from textgen_tokenizers.bpe import BPETokenizerTrainer
from textgen_tokenizers.character import CharacterTokenizerTrainer
from textgen_tokenizers.word import WordTokenizerTrainer

SENTENCE = (
    "The keeper (he returns) said: “the lamp's light, 12 miles away” and there they went.\n\n"
)
TEXTS = [SENTENCE * 30, "They return. Then there is 世界 and 世間 and é.\n" * 30]
TRAINERS = {
    "bpe": BPETokenizerTrainer(vocabulary_size=320, minimum_frequency=2),
    "bpe over characters": BPETokenizerTrainer(
        vocabulary_size=120, minimum_frequency=2, units="characters"
    ),
    "word": WordTokenizerTrainer(),
    "words between spaces": WordTokenizerTrainer(split="whitespace"),
    "character": CharacterTokenizerTrainer(),
}
TOKENIZERS = {name: trainer.train(TEXTS) for name, trainer in TRAINERS.items()}
RECORDS = CorpusSettings(documents="record")


def model_of(name, seed=0, cleaning=RECORDS):
    """A model that knows nothing: what follows depends on the last token, by chance."""
    tokenizer = TOKENIZERS[name]
    size = tokenizer.get_vocab_size()
    table = np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32)
    model = TableModel(table)
    return LanguageModel(model=model, tokenizer=tokenizer, context_length=64, cleaning=cleaning)


def cut_of(name, prompt, **arguments):
    tokenizer = TOKENIZERS[name]
    return cut_prompt(TextInput(tokenizer).read(prompt), TokenBytes(tokenizer), **arguments)


def names_of(name, token_ids):
    return [TOKENIZERS[name].id_to_token(each) for each in token_ids]


@pytest.mark.parametrize("name", ["bpe", "bpe over characters", "word"])
def test_a_text_has_the_probability_that_the_model_gives_it_among_all_that_begin_so(name):
    language_model = model_of(name)
    token_bytes = TokenBytes(language_model.tokenizer)
    table = language_model.model.table.numpy().astype(np.float64)
    table[:, [0, 1, START]] = -np.inf
    log_p = table - np.logaddexp.reduce(table, axis=1, keepdims=True)
    prompts = ["The retur", "The ", "th", "said: the", "The keeper returns) s", "the", "they we"]
    read = read_prompts(prompts, TensorFlowRuntime(language_model), token_bytes)
    guide, several = read.guide, 0
    for prompt, row, initial in zip(prompts, read.rows, guide.initial, strict=True):
        found, wanted = {}, {}

        def walk(path, state, drawn, log_probability, row=row, found=found, wanted=wanted):
            last = (*row.cut.token_ids, *path)[-1]
            if state <= guide.consumed:
                found[path], wanted[path] = drawn, log_probability
                return
            biased = table[last] + guide.bias[state]
            biased -= np.logaddexp.reduce(biased)
            for token in np.flatnonzero(np.isfinite(biased)).tolist():
                following = int(guide.follows[state, token])
                both = drawn + biased[token], log_probability + log_p[last, token]
                walk((*path, token), following, *both)

        walk((), initial, 0.0, 0.0)
        total = np.logaddexp.reduce(list(wanted.values()))
        several += len(found) > 1
        for path, drawn in found.items():
            assert drawn == pytest.approx(wanted[path] - total, abs=1e-4), (prompt, path)
    assert several >= 3


@pytest.mark.parametrize("name", TRAINERS)
def test_a_text_goes_on_exactly_after_a_prompt_that_ends_anywhere(name):
    language_model, tokenizer = model_of(name), TOKENIZERS[name]
    sentence = SENTENCE.strip() if name == "words between spaces" else SENTENCE
    prompts = [sentence[:end] for end in range(0, 60, 3)]
    generator = Generator(language_model, [])
    stream = generator.stream(prompts, max_new_tokens=6, seed=3, compile="graph", alternatives=2)
    pieces = list(stream)
    generation = stream.generation()
    for row, (prompt, sample) in enumerate(zip(prompts, generation.samples, strict=True)):
        assert "".join(piece.text for piece in pieces if piece.sample == row) == sample.text
        assert len(sample.token_ids) == 6 or sample.stopped_by == "end"
        traced = generation.trace.samples[row]
        assert "".join(step.text for step in traced.steps) == sample.text
        assert [step.token_id for step in traced.steps] == list(sample.token_ids)
        assert "\ufffd" not in sample.text
        ids = [*stream.groups[0]._writers[row].prompt_token_ids, *sample.token_ids]
        assert 1 not in ids  # nothing of the sentence is unknown once its end was completed
        assert tokenizer.decode(ids).removesuffix("\ufffd") == prompt + sample.text
    again = generator.generate(prompts[7:8], max_new_tokens=6, seed=3, first_sample=7)
    assert again.samples[0].text == generation.samples[7].text


@pytest.mark.parametrize(
    ("name", "prompt", "kept", "tail"),
    [
        ("bpe", "The ", ["<START>", "The"], " "),
        ("word", "The ", ["<START>", " The"], " "),
        ("words between spaces", "The ", ["<START>", " The"], " "),
        ("word", "The retur", ["<START>", " The"], " retur"),
        ("word", "The keeper (retu", ["<START>", " The", " keeper", " (\u2060"], "retu"),
        ("word", "The xyz", ["<START>", " The", "<UNK>"], ""),  # nothing agrees
        ("word", "The", ["<START>"], "The"),  # "Then" and "There" do
        ("character", "The retur", ["<START>", *"The retur"], ""),
        ("bpe", "", ["<START>"], ""),
    ],
)
def test_so_many_tokens_are_taken_back_as_some_token_goes_beyond_the_end(name, prompt, kept, tail):
    cut = cut_of(name, prompt)
    assert (names_of(name, cut.token_ids), cut.tail) == (kept, tail)


def test_a_known_word_that_begins_a_text_stays_where_the_model_saw_one_text_begin():
    assert cut_of("word", "The", knows_starts=False).tail == ""
    assert cut_of("word", "The ", knows_starts=False).tail == " "
    assert cut_of("word", "Retur", knows_starts=False).tail == ""
    assert cut_of("word", "retur", knows_starts=False).tail == "retur"


def test_a_model_knows_how_texts_begin_where_its_corpus_has_many_documents():
    assert not model_of("bpe", cleaning=CorpusSettings()).knows_starts
    assert model_of("bpe", cleaning=CorpusSettings(documents="record")).knows_starts
    many_files = attrs.evolve(model_of("bpe", cleaning=CorpusSettings()), documents=100)
    assert many_files.knows_starts


def test_no_byte_goes_on_with_a_character_that_is_not_open():
    token_bytes = TokenBytes(TOKENIZERS["bpe"])
    guide = make_guide(token_bytes, [])
    for token, added in enumerate(token_bytes.after(()).added):
        begins = token > START and utf8_state(added) != REFUSED
        assert (guide.bias[READY, token] == 0) == begins
    opened = token_bytes.after(()).exactly("世".encode()[:1])[0]
    state = guide.follows[READY, opened]
    allowed = np.flatnonzero(guide.bias[state] == 0)
    added = token_bytes.after(()).added
    assert {added[each][0] >> 6 for each in allowed} == {0b10}


@pytest.mark.parametrize("prompt", ["", "世"])
def test_a_text_of_bytes_has_no_half_character_at_either_end(prompt):
    generator = Generator(model_of("bpe"), [])
    generation = generator.generate([prompt] * 40, max_new_tokens=9, seed=0, compile="graph")
    texts = [sample.text for sample in generation.samples]
    assert not any("\ufffd" in text for text in texts)
    assert any(not text.isascii() for text in texts)
