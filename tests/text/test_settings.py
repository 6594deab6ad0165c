"""Chat template, begin and end: where each file says it, and what goes first."""

import json

import pytest

import insidegpt
from insidegpt.text.settings import read_settings

IDS = {"<s>": 0, "</s>": 1, "<eot>": 2, "a": 3}


def write(directory, **files):
    for name, data in files.items():
        (directory / f"{name}.json").write_text(json.dumps(data))
    return read_settings(directory, IDS)


def test_nothing_is_said_where_there_are_no_files(tmp_path):
    assert "end_ids" not in write(tmp_path) and "begin_ids" not in write(tmp_path)


@pytest.mark.parametrize(
    ("files", "ends"),
    [
        ({"tokenizer_config": {"eos_token": "</s>"}}, (1,)),
        (
            {"tokenizer_config": {"eos_token": {"content": "</s>", "lstrip": False}}},
            (1,),
        ),
        ({"generation_config": {"eos_token_id": 2}}, (2,)),
        (
            {
                "tokenizer_config": {"eos_token": "</s>"},
                "generation_config": {"eos_token_id": [2, 1, 99]},
                "config": {"eos_token_id": 3},
            },
            (1, 2),
        ),
        ({"generation_config": {}, "config": {"eos_token_id": 3}}, (3,)),
    ],
)
def test_end_ids_by_hand(tmp_path, files, ends):
    assert write(tmp_path, **files)["end_ids"] == ends


def test_a_begin_token_is_added_where_the_file_says_so(tmp_path):
    config = {"bos_token": "<s>"}
    assert "begin_ids" not in write(tmp_path, tokenizer_config=config)
    config |= {"add_bos_token": True}
    assert write(tmp_path, tokenizer_config=config)["begin_ids"] == (0,)
    config |= {"add_bos_token": False}
    found = write(tmp_path, tokenizer_config=config)
    assert found["begin_ids"] == () and found["bos_token"] == "<s>"


def test_the_file_says_no_to_the_post_processor(written):
    directory = written("llama3", bos_token="<|begin|>", add_bos_token=False)
    assert insidegpt.load_tokenizer(directory).begin_ids == ()


def test_of_several_templates_the_default_counts_and_a_file_goes_first(tmp_path):
    several = [
        {"name": "tool_use", "template": "t"},
        {"name": "default", "template": "d"},
    ]
    config = {"chat_template": several}
    assert write(tmp_path, tokenizer_config=config)["chat_template"] == "d"
    config = {"chat_template": several[:1]}
    assert write(tmp_path, tokenizer_config=config)["chat_template"] is None
    (tmp_path / "chat_template.jinja").write_text("j")
    assert write(tmp_path, tokenizer_config=config)["chat_template"] == "j"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("tokenizer_config", []),
        ("tokenizer_config", None),
        ("tokenizer_config", {"chat_template": 5}),
        ("tokenizer_config", {"chat_template": {"default": "x"}}),
        ("tokenizer_config", {"chat_template": [{"name": "default"}]}),
        ("tokenizer_config", {"chat_template": ["x"]}),
        ("tokenizer_config", {"eos_token": 7}),
        ("tokenizer_config", {"bos_token": {}}),
        ("generation_config", {"eos_token_id": "2"}),
        ("generation_config", {"eos_token_id": [None]}),
        ("generation_config", {"eos_token_id": 1.5}),
        ("generation_config", "x"),
        ("config", [1]),
        ("config", {"eos_token_id": {}}),
    ],
)
def test_what_is_not_as_expected_is_named(tmp_path, name, data):
    with pytest.raises(ValueError, match=rf"/{name}\.json"):
        write(tmp_path, **{name: data})


def test_a_truncated_file_is_named(tmp_path):
    (tmp_path / "generation_config.json").write_text('{"eos_')
    with pytest.raises(ValueError, match="generation_config.json is truncated"):
        read_settings(tmp_path, IDS)
