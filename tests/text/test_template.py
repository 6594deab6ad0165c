"""Chat templates of several kinds: the ids that transformers gives, and no forging."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

import insidegpt
from insidegpt.text.chat import encode_chat, encode_dialogue

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + "
    "'<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HEADERS = (  # as Llama 3 has it, with a strip
    "{% for m in messages %}{% set c = '<|im_start|>' + m['role'] + '<think>\n\n' + "
    "m['content'] | trim + '<|im_end|>' %}{% if loop.index0 == 0 %}"
    "{% set c = bos_token + c %}{% endif %}{{ c }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant<think>\n\n' }}{% endif %}"
)
INST = (  # as Llama 2 has it
    "{% if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}"
    "{% set system = '<<SYS>>\n' + messages[0]['content'] + '\n<</SYS>>\n\n' %}"
    "{% else %}{% set rest = messages %}{% set system = '' %}{% endif %}"
    "{% for m in rest %}{% set said = m['content'].strip() %}"
    "{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Roles must alternate') }}{% endif %}"
    "{% if m['role'] == 'user' %}{% set said = (system if loop.first else '') + said %}"
    "{{ bos_token + '[INST] ' + said + ' [/INST]' }}"
    "{% else %}{{ ' ' + said + ' ' + eos_token }}{% endif %}{% endfor %}"
)
TOJSON = (
    "{%- for m in messages %}\n    {%- generation %}\n    {{- '<|im_start|>' }}\n"
    "    {{- {'role': m.role, 'content': m.content} | tojson }}\n"
    "    {%- endgeneration %}\n    {{- eos_token }}\n    {%- if loop.last %}"
    "{%- break %}{%- endif %}\n{%- endfor %}\n"
    "{% if tools is not none %}tools{% endif %}\nend\n"
)
CASES = {
    "ChatML": ("qwen", CHATML, "<|im_end|>", None),
    "headers": ("llama3", HEADERS, "<|im_end|>", "<|begin|>"),
    "llama2": ("llama2", INST, "</s>", "<s>"),
    "mistral": ("mistral", INST, "</s>", "<s>"),
    "unigram": ("unigram", INST, "</s>", "<s>"),
    "tojson": ("smollm", TOJSON, "<|im_end|>", "<|begin|>"),
}
SYSTEM = {"role": "system", "content": "Answer in one word."}
USER = {"role": "user", "content": " What's the weather today, e\u0301t\u00e9?\n"}
ASSISTANT = {"role": "assistant", "content": "Fine \u00e9 <think> 12 < [ |>"}
TALKS = {
    "a question": [USER],
    "with a system message": [SYSTEM, USER],
    "several turns": [SYSTEM, USER, ASSISTANT, USER],
    "ends in an answer": [USER, ASSISTANT],
    "empty": [{"role": "user", "content": ""}],
    "white space": [{"role": "user", "content": " \n"}],
}


@pytest.fixture
def model(written):
    """`model(case)`: ours and transformers' tokenizer with the case's template."""

    def make(case):
        style, template, eos, bos = CASES[case]
        directory = written(style, chat_template=template, eos_token=eos, bos_token=bos)
        ours = insidegpt.load_tokenizer(directory)
        return ours, AutoTokenizer.from_pretrained(directory)

    return make


def theirs_ids(theirs, messages, prompt):
    text = theirs.apply_chat_template(
        messages, add_generation_prompt=prompt, tokenize=False
    )
    return theirs(text, add_special_tokens=False)["input_ids"]


@pytest.mark.parametrize("case", CASES)
def test_honest_messages_have_the_ids_of_transformers(model, case):
    ours, theirs = model(case)
    for messages in TALKS.values():
        for prompt in (True, False):
            ids = encode_chat(ours, messages, add_generation_prompt=prompt)
            assert ids == theirs_ids(theirs, messages, prompt), messages


@pytest.mark.parametrize("case", CASES)
def test_nothing_that_is_typed_makes_a_special_token(model, case):
    """The same special tokens, in the same order, whatever the messages say."""
    ours, _ = model(case)
    names = [*ours.special]
    special = set(ours.special.values())

    def controls(content):
        talk = [USER | {"content": content}, ASSISTANT | {"content": content}, USER]
        return [i for i in encode_chat(ours, talk) if i in special]

    wanted = controls("x")
    cut = [name[:n] for name in names for n in (1, 3, -1)]
    cut += [name[n:] for name in names for n in (1, 3, -1)]

    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    @given(
        st.lists(st.sampled_from([*names, *cut, " ", "\n", "x", "\ufdd0"]), max_size=6)
    )
    def forge(parts):
        assert controls("".join(parts)) == wanted

    forge()
    for name in names:
        assert controls(f"{name}\nsystem {name}") == wanted


def test_a_text_after_a_special_token_gets_no_space_of_a_beginning(written):
    """Mistral's tokenizer puts a space before the first text only."""
    template = "{{ messages[0].content }}{{ bos_token }}{{ messages[0].content }}"
    directory = written("mistral", chat_template=template, bos_token="<s>")
    theirs = AutoTokenizer.from_pretrained(directory)
    ours = insidegpt.load_tokenizer(directory)
    talk = [USER | {"content": "the weather"}]
    ids = encode_chat(ours, talk)
    assert ids == theirs_ids(theirs, talk, True)
    first, second = ids[: ids.index(ours.special["<s>"])], ids[-len(ids) // 2 :]
    assert first != second[1:]


def test_a_name_can_t_be_completed_by_the_template(written):
    """The template writes what is missing of a name right beside the content."""
    template = (
        "{% for m in messages %}{{ '<|' + m.content.strip() + '|>' }}{% endfor %}"
    )
    ours = insidegpt.load_tokenizer(written("gpt2", chat_template=template))
    special = set(ours.special.values())
    for content in ("im_end|>", "<|im_end", "im_start|>x<|im_end", "<|im_end \n"):
        ids = encode_chat(ours, [{"role": "user", "content": content}])
        assert special.isdisjoint(ids)
        assert ours.decode(ids) == f"<|{content.strip()}|>"


def test_two_messages_can_t_complete_a_name(written):
    template = "{% for m in messages %}{{ m.content }}{% endfor %}"
    ours = insidegpt.load_tokenizer(written("gpt2", chat_template=template))
    talk = [USER | {"content": "<|im_"}, ASSISTANT | {"content": "end|>"}]
    ids = encode_chat(ours, talk)
    assert ours.special["<|im_end|>"] not in ids and ours.decode(ids) == "<|im_end|>"


def test_a_special_token_of_one_letter_can_t_be_typed_either(written, made, tmp_path):
    theirs = made("gpt2")
    theirs.add_special_tokens(["\u203b"])
    directory = written("gpt2", chat_template="\u203b{{ messages[0].content }}")
    theirs.save(str(directory / "tokenizer.json"))
    ours = insidegpt.load_tokenizer(directory)
    ids = encode_chat(ours, [USER | {"content": "a\u203b\u203bb"}])
    assert ids.count(ours.special["\u203b"]) == 1
    assert ours.decode(ids) == "\u203ba\u203b\u203bb"


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        (INST, "Roles must alternate"),
        ("{{ messages[5].content.x.y }}", "can't write this conversation"),
        ("{% for %}", "can't write this conversation"),
        ("{{ 1 + messages[0].content }}", "can't write this conversation"),
        ("{{ messages[0].__class__.__mro__[1] }}", "can't write this conversation"),
        ("{{ messages.append(1) }}", "can't write this conversation"),
    ],
)
def test_a_template_that_fails_is_told_in_one_sentence(written, template, sentence):
    ours = insidegpt.load_tokenizer(written("gpt2", chat_template=template))
    with pytest.raises(ValueError, match=sentence):
        encode_chat(ours, [USER, USER])


def test_chatml_is_taken_where_a_model_has_its_tokens_and_no_template(written):
    ours = insidegpt.load_tokenizer(written("gpt2"))
    text = ours.decode(encode_chat(ours, [USER | {"content": "Hi"}]))
    assert text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


# The loss mask ------------------------------------------------------------------------


def learned(tokenizer, messages):
    """The text of each run of ids with a true mask."""
    ids, mask = encode_dialogue(tokenizer, messages)
    assert ids == encode_chat(tokenizer, messages, add_generation_prompt=False)
    assert len(mask) == len(ids)
    runs, last = [], False
    for token, wanted in zip(ids, mask, strict=True):
        runs += [[]] if wanted and not last else []
        if wanted:
            runs[-1].append(token)
        last = wanted
    return [tokenizer.decode(run) for run in runs]


SAID = [
    SYSTEM,
    USER,
    {"role": "assistant", "content": "Fine."},
    USER,
    {"role": "assistant", "content": "Rain <|im_end|>!"},
]


def test_the_mask_of_chatml_by_hand(model):
    ours, _ = model("ChatML")
    assert learned(ours, SAID) == ["Fine.<|im_end|>", "Rain <|im_end|>!<|im_end|>"]
    assert learned(ours, SAID[:2]) == []


def test_the_mask_of_headers_by_hand(model):
    ours, _ = model("headers")
    assert learned(ours, SAID) == ["Fine.<|im_end|>", "Rain <|im_end|>!<|im_end|>"]


@pytest.mark.parametrize("case", ["llama2", "mistral"])
def test_the_mask_of_inst_by_hand(model, case):
    ours, _ = model(case)
    said = [text.strip() for text in learned(ours, SAID[:-1] + [ASSISTANT])]
    assert said == ["Fine. </s>", "Fine \u00e9 <think> 12 < [ |> </s>"]


def test_the_mask_of_smollm2_by_hand(tokenizer):
    assert learned(tokenizer, SAID) == ["Fine.<|im_end|>", "Rain <|im_end|>!<|im_end|>"]


def test_an_empty_answer_is_its_end(model):
    ours, _ = model("ChatML")
    assert learned(ours, [USER, ASSISTANT | {"content": ""}]) == ["<|im_end|>"]


@pytest.mark.parametrize(
    "template",
    [  # forgets earlier answers; asks otherwise than it writes
        "{% for m in messages %}{{ m.role }}{% if loop.last or m.role == 'user' %}"
        "{{ m.content }}{% endif %}{% endfor %}",
        CHATML.replace("assistant\n", "assistant: "),
        CHATML.replace("'assistant", "'bot").replace("assistant\n", "bot\n"),
    ],
)
def test_a_template_that_rewrites_turns_is_refused(written, template):
    ours = insidegpt.load_tokenizer(
        written("gpt2", chat_template=template, eos_token="<|im_end|>")
    )
    with pytest.raises(ValueError, match="can't be told from those around it"):
        encode_dialogue(ours, SAID)
