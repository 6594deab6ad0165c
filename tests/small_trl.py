"""TRL's trainers on a tiny model, as oracles of losses."""

import torch
from small_align import TOKENIZER

from insidegpt.model.export import save_llama


def grpo_trainer(model, folder, kind, *, beta, max_tokens):
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import GRPOConfig, GRPOTrainer

    save_llama(model, TOKENIZER, folder / "model")
    loaded = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float64)
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    tokenizer.pad_token = tokenizer.eos_token
    arguments = GRPOConfig(
        output_dir=str(folder / "out"),
        loss_type=kind,
        beta=beta,
        use_bias_correction_kl=False,
        num_generations=4,
        per_device_train_batch_size=4,
        max_completion_length=max_tokens,
        report_to=[],
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
    )
    return GRPOTrainer(
        model=loaded,
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=arguments,
        train_dataset=Dataset.from_list([{"prompt": "a"}] * 8),
        processing_class=tokenizer,
    )


def sft_trainer(model, folder, rows):
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    save_llama(model, TOKENIZER, folder / "model")
    loaded = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float64)
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    tokenizer.pad_token = tokenizer.eos_token
    arguments = SFTConfig(
        output_dir=str(folder / "out"),
        per_device_train_batch_size=2,
        report_to=[],
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
    )
    return SFTTrainer(
        model=loaded,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )


def reward_trainer(model, folder, rows):
    """A trainer of a model that ends in one number; its last layer is random."""
    from datasets import Dataset
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from trl import RewardConfig, RewardTrainer

    save_llama(model, TOKENIZER, folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    # Not the end token: the reward is read at the last token that is no filling.
    tokenizer.pad_token = "!"
    loaded = AutoModelForSequenceClassification.from_pretrained(
        folder / "model",
        num_labels=1,
        pad_token_id=tokenizer.pad_token_id,
        dtype=torch.float64,
    )
    arguments = RewardConfig(
        output_dir=str(folder / "out"),
        per_device_train_batch_size=len(rows),
        report_to=[],
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
    )
    return RewardTrainer(
        model=loaded,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
    )
