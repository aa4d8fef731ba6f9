import pytest

from textgen_core.config.resolve import configure
from textgen_core.pipeline import kept_tokenizer
from textgen_core.pipeline.kept_tokenizer import tokenizer_of_text
from textgen_core.registry.discovery import discover

TEXT = ["The cat sat on the mat, and the dog sat on the log.\n" * 40, "It's 1,234 – no: 5!\n" * 30]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TEXTGEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def train(monkeypatch):
    """Return a function that gives the tokenizer of a text, and whether it had to be trained."""
    trained = []
    real = kept_tokenizer.train_tokenizer

    def counting(*given, **named):
        trained.append(True)
        return real(*given, **named)

    monkeypatch.setattr(kept_tokenizer, "train_tokenizer", counting)

    def train(spec, documents=TEXT, large=1):
        trained.clear()
        trainer = configure({"tokenizer": spec}, discover()).tokenizer
        return tokenizer_of_text(trainer, documents, large).to_str(), bool(trained)

    return train


@pytest.mark.parametrize("spec", ["character", "word", "bpe:minimum_frequency=2"])
def test_the_tokenizer_of_a_large_text_is_trained_once(train, spec):
    first, second = train(spec), train(spec)
    assert (first[1], second[1]) == (True, False)
    assert first[0] == second[0]


def test_another_option_or_another_text_is_another_tokenizer(train):
    first, _ = train("bpe:vocabulary_size=300,minimum_frequency=2")
    assert train("bpe:vocabulary_size=280,minimum_frequency=2")[0] != first
    assert train("bpe:vocabulary_size=300,minimum_frequency=2", ["other " * 200])[0] != first
    joined = ["".join(TEXT)]  # other borders between documents
    assert train("bpe:vocabulary_size=300,minimum_frequency=2", joined)[1]


def test_a_small_text_leaves_no_tokenizer_behind(train, cache):
    train("character", large=10_000)
    assert not cache.exists()


@pytest.mark.parametrize("suffix", [".json", ".sha256"])
@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"", lambda _: None])
def test_a_damaged_tokenizer_is_trained_again(train, cache, suffix, damage):
    first, _ = train("character")
    (path,) = cache.glob(f"tokenizer-*{suffix}")
    if (data := damage(path.read_bytes())) is None:
        path.unlink()
    else:
        path.write_bytes(data)
    assert train("character") == (first, True)
    assert train("character") == (first, False)


def test_the_trainer_of_a_notebook_is_not_kept(monkeypatch, train):
    monkeypatch.setattr(kept_tokenizer, "trainer_key", lambda *_: None)
    assert train("character")[1]
    assert train("character")[1]
