import tomllib
from pathlib import Path

import pytest

from retouch_safety.prompts import PromptFilter
from retouch_safety.prompts.embedding import shared_encoder
from retouch_safety.prompts.rules import shared_rules

SETS = Path(__file__).parents[3] / "benchmarks" / "prompts"


@pytest.fixture(scope="session")
def encoder():
    return shared_encoder()


@pytest.fixture(scope="session")
def prompt_filter(encoder):
    return PromptFilter(encoder=encoder)


@pytest.fixture(scope="session")
def rules():
    return shared_rules()


@pytest.fixture(scope="session")
def development():
    return read_set("development")


@pytest.fixture(scope="session")
def held_out_round_1():
    return read_set("held_out_round_1")


def read_set(name):
    return tomllib.loads((SETS / f"{name}.toml").read_text(encoding="utf-8"))
