import json

import attrs
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from textgen_core import TokenizerTrainer
from textgen_core.data import tokenizer as room
from textgen_core.data.text_input import unknown_parts
from textgen_core.data.token_files import tokenize_documents
from textgen_core.data.tokenizer import (
    SPECIAL_TOKENS,
    encode,
    load_tokenizer,
    save_tokenizer,
    tokenizer_of,
    train_tokenizer,
)
from textgen_core.errors import PluginFailure, RunDirectoryError
from textgen_core.runs.directory import RunDirectory
from textgen_core.runs.files import write_json
from textgen_core.runs.tensors import hash_file


def letters(tokens=(*SPECIAL_TOKENS, *" abcdefghijklmnopqrstuvwxyz"), special=SPECIAL_TOKENS):
    """A tokenizer of lower-case letters, or one that breaks its contract in some way."""
    vocabulary = {token: number for number, token in enumerate(tokens)}
    unknown = "<UNK>" if "<UNK>" in vocabulary else None
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=unknown))
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(list(special))
    return tokenizer


@attrs.frozen
class FakeTrainer(TokenizerTrainer):
    """Returns what it was given; a function is called."""

    result: object
    lossless: bool = False
    seen: list = attrs.field(factory=list)

    def train(self, texts):
        self.seen.extend(texts)
        return self.result() if callable(self.result) else self.result


def raise_value_error():
    raise ValueError("no such alphabet")


def panicking_file():
    """A tokenizer.json whose normaliser makes the library panic, which is no Exception."""
    content = json.loads(letters().to_str())
    content["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": "AQIDBA=="}
    return json.dumps(content)


def panic():
    return Tokenizer.from_str(panicking_file())


def interrupt():
    raise KeyboardInterrupt


def test_a_good_tokenizer_passes_and_takes_special_text_as_ordinary():
    tokenizer = train_tokenizer(FakeTrainer(letters()), ["some text"])
    assert tokenizer.encode_special_tokens
    assert not {0, 2, 3} & set(encode(tokenizer, "a <END> b"))


def test_truncation_and_padding_are_switched_off():
    tokenizer = letters()
    tokenizer.enable_truncation(3)
    tokenizer.enable_padding(length=9)
    trained = train_tokenizer(FakeTrainer(tokenizer), ["some text"])
    assert len(encode(trained, "abcdefg")) == 7


def test_encode_leaves_out_what_a_post_processor_adds():
    tokenizer = letters()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<START> $A", special_tokens=[("<START>", 2)]
    )
    assert encode(tokenizer, "ab") == encode(letters(), "ab")


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (raise_value_error, "ValueError: no such alphabet"),
        (panic, "PanicException"),
        ("a string", "returned a str"),
        (letters(tokens=(*" abc", *SPECIAL_TOKENS)), "id of <PAD> is 4"),
        (letters(special=SPECIAL_TOKENS[:3]), "<END> is not declared"),
    ],
)
def test_a_broken_trainer_is_named(result, fault):
    with pytest.raises(PluginFailure, match=fault) as caught:
        train_tokenizer(FakeTrainer(result), ["abc"])
    assert "FakeTrainer" in str(caught.value)


def test_ids_with_a_gap_are_a_broken_contract():
    tokenizer = letters()
    vocabulary = tokenizer.get_vocab() | {"é": 99}
    tokenizer.model = models.BPE(vocab=vocabulary, merges=[], unk_token="<UNK>")
    with pytest.raises(PluginFailure, match="are not 0 to"):
        train_tokenizer(FakeTrainer(tokenizer), ["abc"])


def test_a_loss_where_none_was_promised_is_a_broken_contract():
    with pytest.raises(PluginFailure, match="declared lossless"):
        train_tokenizer(FakeTrainer(letters(), lossless=True), ["ABC"])
    train_tokenizer(FakeTrainer(letters(), lossless=False), ["ABC"])


def test_special_ids_in_ordinary_text_are_unknown_with_their_price(tmp_path):
    tokenizer = letters()
    vocabulary = tokenizer.get_vocab()
    tokenizer.model = models.WordLevel(vocab=vocabulary, unk_token="<UNK>")
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trained = train_tokenizer(FakeTrainer(tokenizer), ["abc"])
    assert trained.encode("a <END> b").ids == [5, 3, 6]
    assert encode(trained, "a <END> b") == [5, 1, 6]
    assert unknown_parts(trained, ["a <END> <PAD>"]) == ("<END>", "<PAD>")
    tokens = tokenize_documents(["a <END> b", "<START> c"], trained, "test", tmp_path)
    assert tokens.token_ids.tolist() == [2, 5, 1, 6, 3, 1, 7]
    assert (tokens.unknown_tokens, tokens.unknown_bytes) == (2, len("<END>") + len("<START>"))


def test_a_tokenizer_that_cannot_be_saved_is_a_broken_contract():
    class Custom:
        def pre_tokenize(self, pretokenized):
            pass

    tokenizer = letters()
    tokenizer.pre_tokenizer = pre_tokenizers.PreTokenizer.custom(Custom())
    with pytest.raises(PluginFailure, match="FakeTrainer"):
        train_tokenizer(FakeTrainer(tokenizer), ["abc"])


def test_an_interruption_is_not_the_trainers_fault():
    with pytest.raises(KeyboardInterrupt):
        train_tokenizer(FakeTrainer(interrupt), ["abc"])


@pytest.mark.parametrize("text", ["line\n" * 300, "a long line " * 100, "x" * 1000, "", "short"])
def test_the_trainer_is_given_all_the_text_in_bounded_pieces(monkeypatch, text):
    monkeypatch.setattr(room, "PIECE", 64)
    trainer = FakeTrainer(letters())
    train_tokenizer(trainer, [text, "next"])
    assert "".join(trainer.seen) == text + "next"
    assert max(map(len, trainer.seen)) <= 128
    assert all(piece[-1] in "\n " for piece in trainer.seen[:-2] if " " in text or "\n" in text)


@pytest.mark.parametrize("wanted", [1_000, 20_000, 40_000])
def test_a_sample_of_a_text_of_any_length_is_about_as_long_as_it_says(wanted):
    text = "".join(f"{number:05} is said in a line of this text.\n" for number in range(1_500))
    sample = list(room.read_for_training([text], wanted))
    assert wanted * 0.9 <= sum(map(len, sample)) <= wanted * 1.2
    numbers = [int(line[:5]) for line in "".join(sample).splitlines()]
    assert numbers[0] == 0
    assert numbers[-1] > 1_400  # from all over the text
    assert numbers == sorted(set(numbers))


def test_a_saved_tokenizer_is_loaded_with_the_same_tokens(tmp_path):
    path = tmp_path / "tokenizer.json"
    tokenizer = train_tokenizer(FakeTrainer(letters()), ["some text"])
    save_tokenizer(tokenizer, path)
    again = load_tokenizer(path)
    assert again.get_vocab() == tokenizer.get_vocab()
    assert encode(again, "a <END> b") == encode(tokenizer, "a <END> b")


def test_saving_where_nothing_can_be_written_is_the_run_directorys_error(tmp_path):
    with pytest.raises(RunDirectoryError):
        save_tokenizer(letters(), tmp_path / "absent" / "tokenizer.json")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"model": 3}', b"\xff\xfe", b"null"])
def test_a_damaged_file_is_the_run_directorys_error(tmp_path, content):
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(RunDirectoryError, match="tokenizer"):
        load_tokenizer(path)


def test_a_file_that_makes_the_library_panic_is_the_run_directorys_error(tmp_path):
    path = tmp_path / "tokenizer.json"
    path.write_text(panicking_file())
    with pytest.raises(RunDirectoryError, match="damaged"):
        load_tokenizer(path)


def test_what_fails_with_some_texts_alone_names_the_file(tmp_path):
    path = tmp_path / "tokenizer.json"
    save_tokenizer(letters(), path)
    decoder = {"type": "Strip", "content": "a", "start": 2**63, "stop": 2**63}
    path.write_text(json.dumps({**json.loads(path.read_text()), "decoder": decoder}))
    tokenizer = load_tokenizer(path)
    token_ids = encode(tokenizer, "a")
    assert tokenizer.decode([]) == ""
    for decode in (tokenizer.decode, lambda ids: tokenizer.decode_batch([ids])):
        with pytest.raises(RunDirectoryError, match=r"tokenizer\.json does not work"):
            decode(token_ids)


def test_a_tokenizer_whose_ids_were_swapped_is_not_the_one_of_its_run(tmp_path):
    run = RunDirectory(tmp_path)
    save_tokenizer(letters(), run.tokenizer)
    tokenizer_of(run)  # of a run so young that it has no manifest
    for manifest in ({}, {"sha256": {"tokenizer.json": hash_file(run.tokenizer)}}):
        write_json(run.manifest, manifest)
        tokenizer_of(run)
    text = run.tokenizer.read_text()
    vocabulary = json.loads(text)["model"]["vocab"]
    one, other = (f'"{letter}": {vocabulary[letter]}' for letter in "ab")
    swapped = text.replace(one, f'"a": {vocabulary["b"]}')
    run.tokenizer.write_text(swapped.replace(other, f'"b": {vocabulary["a"]}'))
    load_tokenizer(run.tokenizer)  # it is a whole tokenizer
    with pytest.raises(RunDirectoryError, match=r"tokenizer\.json is not the file"):
        tokenizer_of(run)


def test_a_missing_file_is_the_run_directorys_error(tmp_path):
    with pytest.raises(RunDirectoryError, match="missing"):
        load_tokenizer(tmp_path / "tokenizer.json")


def test_a_tokenizer_with_other_special_tokens_is_the_run_directorys_error(tmp_path):
    path = tmp_path / "tokenizer.json"
    letters(tokens="abc", special=["[PAD]"]).save(str(path))
    with pytest.raises(RunDirectoryError, match="<PAD>"):
        load_tokenizer(path)
