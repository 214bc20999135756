"""The data files: a folder reads as one table, and every part of it is used."""

import re

import pytest

from retouch_safety.prompts import tables
from retouch_safety.prompts.lexicon import term_files
from retouch_safety.prompts.verdict import Category


def test_a_folder_joins_lists_and_tables():
    english = term_files()["en"]["concepts"]
    assert {"person", "garment", "nudity", "gore", "hate", "document"} <= set(english)
    assert {"patterns", "pairs", "hard", "negative"} <= set(tables.table("rules"))
    assert {"phrases", "floor_phrases"} <= set(tables.table("masks"))


def test_a_key_in_two_files_is_a_mistake():
    assert tables._added([1], [2]) == [1, 2]
    assert tables._added({"a": 1}, {"b": 2}) == {"a": 1, "b": 2}
    with pytest.raises(ValueError, match="nudity"):
        tables._added({"nudity": []}, {"nudity": []})


def test_every_concept_of_the_rules_has_words():
    rules = tables.table("rules")
    named = {entry["concept"] for entry in rules["patterns"]}
    for file in term_files().values():
        named |= set(file["concepts"])
        named |= {entry["concept"] for entry in file.get("patterns", ())}
    asked = set(rules["hard"])
    for pair in rules["pairs"]:
        asked |= {*pair["first"], *pair["second"]}
        assert pair["category"] in Category.__members__
    assert asked <= named


def test_names_in_braces_are_concepts():
    english = term_files()["en"]["concepts"]
    rules = tables.table("rules")
    texts = [entry["pattern"] for entry in rules["patterns"]]
    texts += [*tables.table("masks")["phrases"], *tables.table("masks")["floor_phrases"]]
    for text in texts:
        for name in re.findall(r"(?<!\{)\{([a-z_]+)\}", text):
            assert name in english, (name, text[:60])


def test_no_prototype_stands_on_both_sides():
    prototypes = tables.table("prototypes")
    named = [line for lines in prototypes["named"].values() for line in lines]
    assert len(named) == len(set(named))
    assert len(prototypes["harmless"]) == len(set(prototypes["harmless"]))
    assert not set(named) & set(prototypes["harmless"])
