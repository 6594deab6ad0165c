"""Recipes say what they mean, and what they can't mean is one sentence."""

import dataclasses
import json

import pytest
import torch

from insidegpt.model.config import PRESETS
from insidegpt.train.recipe import RECIPES, Recipe, described, load_recipe, parse
from insidegpt.train.run import difference

TEXT = """
seed = 3
[source]
packages = ["numpy"]
vocab_size = 300
held_out = 0.1
[model]
preset = "tiny-gpt2"
context_tokens = 256
bias = "qkv"
rope_base = 10000
[training]
steps = 7
matrix_lr = false
autocast = "bfloat16"
lr = 1
"""


@pytest.fixture
def write(tmp_path):
    def to_file(text):
        path = tmp_path / "recipe.toml"
        path.write_text(text)
        return path

    return to_file


def test_a_file_sets_what_it_names_and_nothing_else(write):
    recipe = load_recipe(write(TEXT))
    expected = {"vocab_size": 300, "context_tokens": 256, "bias": "qkv"}
    tiny = dataclasses.replace(PRESETS["tiny-gpt2"], **expected, rope_base=1e4)
    assert recipe.model == tiny and recipe.seed == 3
    assert recipe.source.packages == ("numpy",) and recipe.source.rows == 16
    training = recipe.training
    assert (training.steps, training.matrix_lr, training.lr) == (7, None, 1.0)
    assert training.autocast == torch.bfloat16 and type(training.lr) is float


def test_an_empty_file_is_the_default(write):
    assert load_recipe(write("")) == Recipe()


def test_every_preset_is_told_apart_and_can_be_kept():
    kept = [json.loads(json.dumps(described(recipe))) for recipe in RECIPES.values()]
    assert all(kept.count(recipe) == 1 for recipe in kept)
    assert described(RECIPES["mini"]) == kept[0]


def test_what_differs_is_named():
    before, now = described(RECIPES["mini"]), described(RECIPES["mini"])
    now["training"]["steps"] = 5
    assert difference(before, now) == "training.steps is 2000 there and 5 here"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[model]\nlayers = 2", "recipe.toml: model.layers is not known"),
        ("[modle]\nn_layers = 2", "modle is not known"),
        ("[model]\nn_layers = 'two'", "model.n_layers can't be 'two'"),
        ("[model]\nn_layers = true", "model.n_layers can't be True"),
        ("[model]\npreset = 'gpt5'", "model.preset must be one of gpt2"),
        ("[model]\nd_model = 30", "d_model .30. must be a multiple"),
        ("[model]\nvocab_size = 9", "The model has 9 tokens and the tokenizer 1024"),
        ("[source]\ncontext_tokens = 999", "999 tokens does not fit"),
        ("[source]\nvocab_size = 2", "at least 259"),
        ("[source]\nheld_out = 1.5", "between 0 and 1"),
        ("source = 3", "source must be a table"),
        ("[training]\nsteps = 0", "steps must be at least 1"),
        ("[training]\nautocast = 'int8'", "training.autocast can't be 'int8'"),
        ("[training", "recipe.toml is not TOML"),
    ],
)
def test_what_is_wrong_is_one_sentence(write, text, sentence):
    with pytest.raises(ValueError, match=sentence):
        load_recipe(write(text))


def test_a_name_without_a_recipe_lists_those_that_are_there(tmp_path):
    with pytest.raises(
        FileNotFoundError, match="the recipes are mini, small-world, small-gpt2"
    ):
        load_recipe(tmp_path / "nothing")


def test_a_table_is_not_changed_by_reading_it():
    table = {"model": {"preset": "mini"}, "seed": 1}
    parse(table)
    assert table == {"model": {"preset": "mini"}, "seed": 1}
