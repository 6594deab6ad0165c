"""Run a chat template, the small jinja program that comes with a model.

In a sandbox and with the settings that transformers gives it, as templates expect.
Page: background/what-is-chatgpt.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NoReturn

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from insidegpt.text.interface import Tokenizer

START, END = "<|im_start|>", "<|im_end|>"
CHATML = (  # for a model that has its tokens and no template
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def render(
    tokenizer: Tokenizer,
    messages: Sequence[dict[str, str]],
    add_generation_prompt: bool,
) -> str:
    """The conversation as the template writes it."""
    source = tokenizer.chat_template or CHATML
    missing = [name for name in (START, END) if name not in tokenizer.special]
    if missing and not tokenizer.chat_template:
        raise ValueError(
            f"This tokenizer has no chat template and no special token {missing[0]}, "
            "so its model was not trained on a chat format that we know: load a chat "
            "model."
        )
    begin = getattr(tokenizer, "bos_token", None)
    try:
        return _compiled(source).render(
            messages=messages,
            add_generation_prompt=add_generation_prompt,
            bos_token=begin or tokenizer.decode(tokenizer.begin_ids[:1]),
            eos_token=tokenizer.decode(tokenizer.end_ids[:1]),
            tools=None,
            documents=None,
        )
    except Exception as error:  # the template is a program of somebody else's
        raise ValueError(
            f"The model's chat template can't write this conversation: {error}."
        ) from error


class Generation(Extension):
    """``{% generation %}`` marks what the assistant wrote; it writes nothing itself."""

    tags = frozenset({"generation"})

    def parse(self, parser: Any) -> Any:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


@lru_cache
def _compiled(source: str) -> jinja2.Template:
    """The template in the environment that transformers gives it."""

    def raise_exception(message: str) -> NoReturn:
        raise jinja2.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    environment.filters["tojson"] = lambda data, **settings: json.dumps(
        data, **{"ensure_ascii": False, **settings}
    )
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.now().strftime(form)
    return environment.from_string(source)
