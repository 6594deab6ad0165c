"""A model as Hugging Face's files, so that ``transformers`` and others can load it.

Page: code/running-gpt2.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from insidegpt.files.replace import replace, replace_text
from insidegpt.model.config import GPTConfig
from insidegpt.model.convert import LLAMA_NAMES, rename
from insidegpt.model.gpt import GPT
from insidegpt.text.interface import Tokenizer
from insidegpt.text.vocab import save_tokenizer


def save_llama(model: GPT, tokenizer: Tokenizer, directory: str | Path) -> None:
    """Write a model of Llama's kind for ``AutoModelForCausalLM.from_pretrained``.

    With norms of queries and keys it is written as a Qwen3, which is a Llama with
    these. Raises ValueError for a model that neither can be. Each file is complete
    before it takes its name.
    """
    settings = llama_settings(model.config, tokenizer)
    theirs = {ours: other for other, ours in LLAMA_NAMES.items()}
    state = {
        rename(name, theirs): tensor.contiguous()
        for name, tensor in model.state_dict().items()
    }
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    said = {"format": "pt"}  # transformers asks for it
    replace(directory / "model.safetensors", lambda path: save_file(state, path, said))
    replace_text(directory / "config.json", json.dumps(settings, indent=2) + "\n")
    save_tokenizer(tokenizer, directory)


def llama_settings(config: GPTConfig, tokenizer: Tokenizer) -> dict[str, Any]:
    """What ``config.json`` says of a Llama, or a Qwen3, with these sizes."""
    plain = dataclasses.replace(
        config, rope_factors=None, unrotated_layers=(), bias="none"
    )
    rotary = config.rope_base is not None and config.rms_eps is not None
    if config != plain or not rotary or config.mlp != "swiglu":
        raise ValueError(
            "Only a model with rotary positions, RMSNorm, SwiGLU and no biases can be "
            "saved as a Llama; this one is of another kind."
        )
    family = "Qwen3" if config.qk_norm else "Llama"
    return {
        "model_type": family.lower(),
        "architectures": [f"{family}ForCausalLM"],
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_tokens,
        "num_hidden_layers": config.n_layers,
        "hidden_size": config.d_model,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.n_kv_heads,
        "head_dim": config.d_head,
        "intermediate_size": config.d_ff,
        "hidden_act": "silu",
        "rms_norm_eps": config.rms_eps,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_base},
        "tie_word_embeddings": config.tied,
        "attention_bias": False,
        "mlp_bias": False,
        "eos_token_id": list(tokenizer.end_ids),
        "dtype": "float32",
    }
