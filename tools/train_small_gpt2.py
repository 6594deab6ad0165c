"""Train the small stand-in for GPT-2 that book/code/gpt2 holds.

GPT-2's architecture: 6 layers of width 128 and a vocabulary of 4,096 tokens from our
own BPE, trained for some minutes on the docstrings of NumPy and PyTorch. Saved with
`save_pretrained`, so that the article's program runs unchanged without the hub. GPT-2's
real vocabulary would spend nine tenths of those minutes on tokens that never occur.

    .venv/bin/python tools/train_small_gpt2.py
"""

import json
import math
import shutil
import time
from pathlib import Path

import click
import torch
from tqdm import tqdm
from transformers import GPT2Config, GPT2LMHeadModel, GPT2Tokenizer

from insidegpt.text import bpe
from insidegpt.text.corpus import docstrings
from insidegpt.text.vocab import save_gpt2_files

PACKAGES = ("numpy", "torch")
END = "<|endoftext|>"
VOCAB_SIZE = 4096
HELD_OUT_TOKENS = 40_000


def corpus() -> tuple[bpe.BPETokenizer, torch.Tensor, torch.Tensor]:
    """A tokenizer, and the ids of all docstrings, shuffled: train and held-out."""
    texts = docstrings(PACKAGES)
    order = torch.randperm(len(texts), generator=torch.Generator().manual_seed(0))
    tokenizer = bpe.train(texts, vocab_size=VOCAB_SIZE, special_tokens=[END])
    ids = []
    for i in tqdm(order.tolist(), desc="tokens", unit=" texts"):
        ids += [*tokenizer.encode(texts[i]), tokenizer.special[END]]
    tokens = torch.tensor(ids)
    return tokenizer, tokens[:-HELD_OUT_TOKENS], tokens[-HELD_OUT_TOKENS:]


@torch.no_grad()
def held_out_loss(model: GPT2LMHeadModel, tokens: torch.Tensor, length: int) -> float:
    """Mean cross-entropy in nats a token, over windows that do not overlap."""
    windows = tokens[: len(tokens) // length * length].view(-1, length)
    losses = [model(w, labels=w).loss.item() for w in windows.split(32)]
    return sum(losses) / len(losses)


def save(
    model: GPT2LMHeadModel, tokenizer: bpe.BPETokenizer, directory: Path, record: dict
) -> None:
    """Write everything beside `directory`, then put it in its place at once."""
    fresh = directory.with_name(directory.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    model.half().save_pretrained(fresh)
    config = json.loads((fresh / "config.json").read_text())
    config["dtype"] = "float32"  # stored in 16 bits, computed in 32
    (fresh / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    save_gpt2_files(tokenizer, fresh)
    settings = {"tokenizer_class": "GPT2Tokenizer", "model_max_length": 256}
    (fresh / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    GPT2Tokenizer.from_pretrained(fresh)  # it must load
    (fresh / "training.json").write_text(json.dumps(record, indent=2) + "\n")
    shutil.rmtree(directory, ignore_errors=True)
    fresh.rename(directory)


@click.command()
@click.option("--minutes", default=6.0, show_default=True, help="Time to train.")
@click.option("--steps", default=3000, show_default=True, help="Steps to plan for.")
@click.option("--out", default="book/code/gpt2", show_default=True, type=Path)
def main(minutes: float, steps: int, out: Path) -> None:
    """Train and save; Ctrl-C leaves what was there as it was."""
    torch.manual_seed(0)
    length, batch, peak = 128, 16, 2e-3
    tokenizer, train, held_out = corpus()
    end = tokenizer.special[END]
    shape = {"n_embd": 128, "n_layer": 6, "n_head": 4, "n_positions": 256}
    no_dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0}
    ids = {"vocab_size": VOCAB_SIZE, "bos_token_id": end, "eos_token_id": end}
    model = GPT2LMHeadModel(GPT2Config(**shape, **no_dropout, **ids))
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak, betas=(0.9, 0.95))
    first = held_out_loss(model, held_out, length)
    began, bar = time.monotonic(), tqdm(range(steps), unit=" steps")
    for step in bar:
        # The schedule follows time, so that the rate is low when the minutes are over.
        done = max(step / steps, (time.monotonic() - began) / (60 * minutes))
        if done >= 1:
            break
        rate = peak * min(1, step / 100) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in optimizer.param_groups:
            group["lr"] = rate
        starts = torch.randint(len(train) - length, (batch,))
        ids = torch.stack([train[s : s + length] for s in starts])
        loss = model(ids, labels=ids).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        bar.set_postfix(loss=f"{loss.item():.2f}")
    record = {
        "command": f"python tools/train_small_gpt2.py --minutes {minutes:g}",
        "packages": PACKAGES,
        "parameters": model.num_parameters(),
        "train_tokens": len(train),
        "steps": step,
        "tokens_seen": step * batch * length,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "held_out_nats_per_token_before": round(first, 3),
        "held_out_nats_per_token": round(held_out_loss(model, held_out, length), 3),
    }
    save(model, tokenizer, out, record)
    click.echo(json.dumps(record, indent=2))


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except (KeyboardInterrupt, click.Abort):
        raise SystemExit("Stopped; nothing was changed.") from None
