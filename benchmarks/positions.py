"""What a small model learns with each way to tell positions, and how far it reaches.

    python benchmarks/positions.py > src/insidegpt/show/records/positions.json

The text is docstrings of NumPy, read byte by byte. Every model is trained on 64 bytes
at a time and then reads 128. Takes about a quarter of an hour on one core.
"""

import json
import sys

import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import trange

from insidegpt.model.attention import Context, causal_mask
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text.corpus import docstrings

LAYERS, HEADS = 3, 4
TRAINED, READ = 64, 128  # bytes in a window
STEPS, BATCH, SEEDS = 1000, 16, 3
KINDS = ("rotary", "learned", "ALiBi", "none")


def alibi(T: int) -> Tensor:
    """Scores fall with distance, in each head at another rate (Press et al. 2022)."""
    slopes = 2.0 ** (-8 / HEADS * torch.arange(1, HEADS + 1))
    behind = (torch.arange(T)[:, None] - torch.arange(T)).float()
    falling = -slopes[:, None, None] * behind
    return falling.masked_fill(~causal_mask(T, T), -torch.inf)[None]  # (1, H, T, T)


def make(kind: str, generator: torch.Generator) -> GPT:
    """A model whose start gives angles only if it is rotary."""
    places = {
        "rope_base": None if kind == "learned" else 1e4,
        "unrotated_layers": () if kind == "rotary" else tuple(range(LAYERS)),
    }
    if kind == "learned":
        places["unrotated_layers"] = ()
    sizes = (256, READ, LAYERS, 64, HEADS, HEADS, 176)
    style = {"mlp": "swiglu", "bias": "none", "rms_eps": 1e-5}
    return GPT(GPTConfig(*sizes, **style, **places), generator=generator)


def losses(model: GPT, kind: str, windows: Tensor) -> Tensor:
    """Nats per byte at every position, (B, T)."""
    ids, targets = windows[:, :-1], windows[:, 1:]
    T = ids.shape[1]
    x, rope = model.start(ids, torch.arange(T)[None])
    mask = alibi(T) if kind == "ALiBi" else None
    for block in model.blocks:
        x = block(x, Context(mask, rope))
    logits = model.logits(x).transpose(1, 2)  # (B, V, T)
    return F.cross_entropy(logits, targets, reduction="none")


def train(kind: str, seed: int, text: Tensor) -> GPT:
    """Adam on random windows; the same windows for every kind."""
    g = torch.Generator().manual_seed(seed)
    model = make(kind, g)
    order = torch.Generator().manual_seed(1000 + seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    warm = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=STEPS)
    for _ in trange(STEPS, desc=f"{kind} {seed}", file=sys.stderr):
        starts = torch.randint(len(text) - TRAINED - 1, (BATCH,), generator=order)
        windows = text[starts[:, None] + torch.arange(TRAINED + 1)]
        optimizer.zero_grad()
        losses(model, kind, windows).mean().backward()
        optimizer.step()
        warm.step()
    return model


def last_byte_only(text: Tensor, windows: Tensor) -> float:
    """Nats per byte of a table that has counted which byte follows which."""
    counts = torch.ones(256, 256).index_put_(
        (text[:-1], text[1:]), torch.tensor(1.0), accumulate=True
    )
    ln_p = counts.log() - counts.sum(1, keepdim=True).log()
    return -ln_p[windows[:, :-1], windows[:, 1:]].mean().item()


def main() -> None:
    data = "\n\n".join(docstrings(("numpy",))).encode()
    text = torch.tensor(list(data))
    cut = len(text) * 9 // 10
    held = text[cut:]
    starts = torch.arange(0, len(held) - READ - 1, (len(held) - READ - 1) // 200)
    windows = held[starts[:, None] + torch.arange(READ + 1)]
    result = {"command": __doc__.split("\n\n")[1].strip(), "bytes": cut, "loss": {}}
    result["last byte only"] = round(last_byte_only(text[:cut], windows), 3)
    for kind in KINDS:
        result["loss"][kind] = []
        for seed in range(SEEDS):
            model = train(kind, seed, text[:cut])
            with torch.no_grad():
                by_place = losses(model, kind, windows).mean(0)  # (READ,)
            blocks = by_place.view(-1, 8).mean(1)  # means over 8 positions
            result["loss"][kind].append([round(x, 3) for x in blocks.tolist()])
    print(json.dumps(result))


if __name__ == "__main__":
    main()
