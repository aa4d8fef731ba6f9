from hypothesis import given, settings
from hypothesis import strategies as st

from textgen_tokenizers.word import WordTokenizerTrainer

J = "\u2060"  # the word joiner
WORDS = WordTokenizerTrainer()
WHITESPACE = WordTokenizerTrainer(split="whitespace")


def tokens_of(trainer, text):
    return trainer.train([text]).encode(text).tokens


def test_words_carry_the_space_before_them():
    assert tokens_of(WORDS, "the cat sat.") == [" the", " cat", " sat", "."]


def test_a_word_is_the_same_token_wherever_it_stands():
    tokens = tokens_of(WORDS, "well (well)\nwell-well\twell")
    assert tokens.count(" well") == 5


def test_a_sign_says_that_a_word_follows_it_without_a_space():
    assert tokens_of(WORDS, "a (b) c-d") == [" a", f" ({J}", " b", ")", " c", f"-{J}", " d"]


def test_whitespace_is_kept_one_character_a_token():
    assert tokens_of(WORDS, "a  b\n\n\tc") == [" a", " ", " b", "\n", "\n", f"\t{J}", " c"]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from(f"ab1é\u0301 -('\"\n\t\r{J}")) | st.text())
def test_any_text_comes_back_from_its_own_vocabulary(text):
    tokenizer = WORDS.train([text])
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_all_but_unknown_words_comes_back():
    tokenizer = WORDS.train(["the cat (a tabby) sat on the mat.\n"])
    encoding = tokenizer.encode("the dog (a cat) sat.\n")
    assert encoding.ids.count(1) == 1
    assert tokenizer.decode(encoding.ids) == "the (a cat) sat.\n"


def test_the_vocabulary_holds_the_most_frequent_words():
    tokenizer = WordTokenizerTrainer(vocabulary_size=2).train(["c b b a a a"])
    assert tokenizer.get_vocab_size() == 4 + 2
    assert tokenizer.encode("a b c").ids == [4, 5, 1]


def test_whitespace_is_in_the_vocabulary_before_any_word():
    tokenizer = WordTokenizerTrainer(vocabulary_size=4).train(["a a a a a a\nb b b\tb"])
    assert tokenizer.encode("\n\tb").tokens == ["\n", f"\t{J}", "<UNK>"]


def test_a_sign_is_known_before_a_word_that_it_never_stood_before():
    tokenizer = WORDS.train(['a ("b") c, d\n'])
    text = 'a "(b" )c ,d\n\n"a'
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_a_vocabulary_is_never_larger_than_asked():
    tokenizer = WordTokenizerTrainer(vocabulary_size=6).train(["a, b; c! d? e."])
    assert tokenizer.get_vocab_size() == 4 + 6


def test_lines_of_the_penn_treebank_are_words_and_one_newline():
    text = " no it was n't black <unk> \n but N years \n"
    tokens = tokens_of(WHITESPACE, text)
    words = [f" {word}" for word in ["no", "it", "was", "n't", "black", "<unk>"]]
    assert tokens == [*words, "\n", " but", " N", " years", "\n"]


def test_the_unk_of_the_penn_treebank_is_an_ordinary_word():
    tokenizer = WHITESPACE.train([" a <unk> b \n"])
    assert 1 not in tokenizer.encode(" a <unk> \n").ids


def test_a_vocabulary_of_all_types_leaves_nothing_unknown():
    text = " a b c <unk> \n b c \n"
    tokenizer = WordTokenizerTrainer(split="whitespace", vocabulary_size=5).train([text])
    assert tokenizer.get_vocab_size() == 4 + 5
    assert 1 not in tokenizer.encode(text).ids


def test_text_of_single_spaces_and_newlines_comes_back():
    text = "one two, (three)\nfour\n\n\nfive <END>\n"
    tokenizer = WHITESPACE.train([text])
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_other_whitespace_comes_back_as_single_spaces():
    text = "  one\t two \r\n  three \n"
    tokenizer = WHITESPACE.train([text])
    assert tokenizer.decode(tokenizer.encode(text).ids) == "one two\nthree\n"
