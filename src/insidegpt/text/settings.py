"""What the files beside a vocabulary say about its use: chat template, begin and end.

Hugging Face's ``tokenizer_config.json``, ``chat_template.jinja``,
``generation_config.json`` and ``config.json``. Page: algorithm/tokenization.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from insidegpt.files.json_file import expecting, read_json


def read_settings(directory: Path, ids: Mapping[str, int]) -> dict[str, Any]:
    """What the files beside a vocabulary say about its use, where they say it."""
    path = directory / "tokenizer_config.json"
    config = if_there(path)
    with expecting(path):
        template = config.get("chat_template")
        if isinstance(template, list):
            named = {entry["name"]: entry["template"] for entry in template}
            template = named.get("default")
        if not isinstance(template, str | None):
            raise ValueError(f"chat_template should be a text, not {template!r:.40}.")
        bos, eos = (_name(config.get(f"{which}_token")) for which in ("bos", "eos"))
    jinja = directory / "chat_template.jinja"
    if jinja.is_file():
        template = jinja.read_text(encoding="utf-8")
    ends = [ids.get(eos), *_end_ids(directory / "generation_config.json")]
    known = set(ids.values())
    ends = [i for i in ends if i in known]
    ends = ends or [i for i in _end_ids(directory / "config.json") if i in known]
    found = {"chat_template": template, "bos_token": bos}
    if ends:
        found["end_ids"] = tuple(dict.fromkeys(ends))
    if config.get("add_bos_token") is not None and bos in ids:
        found["begin_ids"] = (ids[bos],) if config["add_bos_token"] else ()
    return found


def if_there(path: Path) -> dict[str, Any]:
    """What a JSON file holds; nothing if there is no such file."""
    return read_json(path) if path.is_file() else {}


def _name(token: str | Mapping[str, Any] | None) -> str | None:
    """A token's name, alone or among its settings."""
    return token if isinstance(token, str | None) else token["content"]


def _end_ids(path: Path) -> list[int]:
    """``eos_token_id``: a number, a list, or nothing."""
    with expecting(path):
        ids = if_there(path).get("eos_token_id")
        ids = ids if isinstance(ids, list) else [] if ids is None else [ids]
        if not all(isinstance(i, int) for i in ids):
            raise ValueError(f"eos_token_id should be a number or a list, not {ids!r}.")
        return ids
