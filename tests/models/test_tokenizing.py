"""The shipped vocabulary is CLIP's."""

from retouch.models.tokenizing import CONFIGS, clip_tokenizer, load_tokenizer


def test_published_ids():
    tokenizer = clip_tokenizer()
    assert (tokenizer.bos_token_id, tokenizer.eos_token_id, len(tokenizer)) == (49406, 49407, 49408)
    assert tokenizer("a photo of a cat").input_ids == [49406, 320, 1125, 539, 320, 2368, 49407]


def test_long_prompts_are_cut_and_short_ones_padded():
    ids = clip_tokenizer()("cat " * 100, padding="max_length", truncation=True).input_ids
    assert len(ids) == 77
    assert (ids[0], ids[-1]) == (49406, 49407)
    short = clip_tokenizer()("cat", padding="max_length", truncation=True).input_ids
    assert short == [49406, 2368, *[49407] * 75]


def test_only_the_second_tokenizer_of_sdxl_pads_with_exclamation_marks():
    first = load_tokenizer(CONFIGS / "sdxl" / "tokenizer")
    second = load_tokenizer(CONFIGS / "sdxl" / "tokenizer_2")
    assert first("cat", padding="max_length").input_ids[-1] == 49407
    assert second("cat", padding="max_length").input_ids[-1] == 0


def test_any_text_has_tokens_that_come_back():
    tokenizer = clip_tokenizer()
    ids = tokenizer("Café à 5€ — naïve, don't!").input_ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "café à 5 € — naïve , don 't !"
