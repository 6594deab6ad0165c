"""How many tokens a second training reads, beside nanoGPT at its own configuration.

    make bench-training PEER=nanoGPT

Both train by turns on random tokens, forty steps each, in float32; then ours in 16 bits
and compiled, each again beside nanoGPT's float32. Without --peer ours are timed alone.
"""

import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import torch
from nanogpt_peer import RECIPE, load_module
from paired import compare, seconds

from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text.batches import Batches
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

STEPS, ROUNDS, VOCAB = 40, 7, 65
ROWS, CONTEXT, WIDTH = RECIPE["batch_size"], RECIPE["block_size"], RECIPE["n_embd"]
SHAPE = GPTConfig(VOCAB, CONTEXT, 4, WIDTH, 4, 4, 4 * WIDTH, bias="none")
TOKENS = np.random.default_rng(0).integers(VOCAB, size=200_000).astype(np.uint16)


def ours(*, autocast: torch.dtype | None, compiled: bool) -> Callable[[], None]:
    """Forty steps of our loop with AdamW, as nanoGPT trains."""
    model = GPT(SHAPE, generator=torch.Generator().manual_seed(0))
    for block in model.blocks if compiled else ():
        block.compile()
    batches = Batches(TOKENS, context_tokens=CONTEXT, rows=ROWS)
    config = TrainConfig(STEPS, lr=1e-3, matrix_lr=None, autocast=autocast)

    def work() -> None:
        for _ in train(model, batches, next_token_loss, config):
            pass

    return work


def theirs(checkout: Path) -> Callable[[], None]:
    """Forty steps of nanoGPT's loop, written as its train.py has it."""
    module = load_module(checkout)
    settings = {"n_layer": 4, "n_head": 4, "n_embd": WIDTH, "bias": False}
    shape = module.GPTConfig(
        block_size=CONTEXT, vocab_size=VOCAB, dropout=0.0, **settings
    )
    model = module.GPT(shape)
    optimizer = model.configure_optimizers(0.1, 1e-3, (0.9, 0.99), "cpu")
    data = torch.from_numpy(TOKENS.astype(np.int64))

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for _ in range(STEPS):
            starts = torch.randint(len(data) - CONTEXT - 1, (ROWS,))
            rows = torch.stack([data[s : s + CONTEXT + 1] for s in starts])
            yield rows[:, :-1].contiguous(), rows[:, 1:].contiguous()

    def work() -> None:
        model.train()
        for ids, targets in batches():
            loss = model(ids, targets)[1]
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            loss.item()

    return work


@click.command()
@click.option("--peer", type=click.Path(path_type=Path, exists=True))
def main(peer: Path | None) -> None:
    """Print a table; every ratio is a median of pairs."""
    tokens = STEPS * ROWS * CONTEXT
    other = theirs(peer) if peer else None
    if other:
        other()
    click.echo(f"{torch.get_num_threads()} threads, {tokens:,} tokens a turn")
    for name, settings in {
        "float32": {"autocast": None, "compiled": False},
        "bfloat16": {"autocast": torch.bfloat16, "compiled": False},
        "float32, compiled": {"autocast": None, "compiled": True},
        "bfloat16, compiled": {"autocast": torch.bfloat16, "compiled": True},
    }.items():
        own = ours(**settings)
        own()  # warm, and compiled
        if not other:
            took = statistics.median(seconds(own) for _ in range(ROUNDS))
            click.echo(f"{name:20} {tokens / took:8,.0f} tokens/s")
            continue
        mine, yours, ratio = compare(own, other, rounds=ROUNDS)
        click.echo(
            f"{name:20} {tokens / mine:8,.0f} tokens/s   nanoGPT, float32 "
            f"{tokens / yours:8,.0f}   ratio {ratio:.2f}"
        )


if __name__ == "__main__":
    main()
