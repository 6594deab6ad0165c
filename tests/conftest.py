"""Shapes are checked while the tests run, and the real model is loaded once."""

import sys

import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# Before anything imports insidegpt: every annotated shape is then enforced.
if any(name.split(".")[0] == "insidegpt" for name in sys.modules):
    raise RuntimeError("insidegpt was imported before its shapes could be checked.")
install_import_hook("insidegpt", "typecheck.checked")

# The same examples on every machine, and no failure because a machine is slow.
settings.register_profile("book", derandomize=True, deadline=None)
settings.load_profile("book")


def pytest_collection_modifyitems(items):
    """Whatever uses the real model is slow."""
    for item in items:
        if {"smollm2", "smollm2_oracle"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


@pytest.fixture(autouse=True)
def seeded():
    """Every test begins with the same random numbers, whichever ran before."""
    import torch

    torch.manual_seed(0)


@pytest.fixture(scope="session")
def smollm2():
    """SmolLM2-135M-Instruct in float32. Shared: a test must not change it."""
    import insidegpt

    return insidegpt.load_model("smollm2").eval()


@pytest.fixture(scope="session")
def tokenizers():
    """The real vocabularies by name: `tokenizers["smollm2"]`, `tokenizers["gpt2"]`."""
    import insidegpt

    return {name: insidegpt.load_tokenizer(name) for name in ("smollm2", "gpt2")}


@pytest.fixture(scope="session")
def tokenizer(tokenizers):
    """SmolLM2's."""
    return tokenizers["smollm2"]


@pytest.fixture(scope="session")
def smollm2_oracle():
    """SmolLM2 as transformers computes it, read from the file by another path."""
    from oracles import smollm2_in_transformers

    from insidegpt.files.locate import smollm2_gguf

    return smollm2_in_transformers(smollm2_gguf())
