from textgen_tokenizers.character import CharacterTokenizerTrainer


def test_every_code_point_is_one_token():
    text = "e\u0301 👩‍👧\r\n"
    tokenizer = CharacterTokenizerTrainer().train([text])
    assert tokenizer.encode(text).tokens == list(text)


def test_ids_go_by_code_point():
    tokenizer = CharacterTokenizerTrainer().train(["ba", "\nc"])
    assert [tokenizer.token_to_id(character) for character in "\nabc"] == [4, 5, 6, 7]


def test_each_unseen_character_is_one_unknown_token():
    tokenizer = CharacterTokenizerTrainer().train(["ab"])
    assert tokenizer.encode("axyb").ids == [4, 1, 1, 5]


def test_the_tokenizer_is_not_declared_lossless():
    assert CharacterTokenizerTrainer().lossless is False
