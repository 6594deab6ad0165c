"""What samplers write, and what one token of the tail does to a text.

    python benchmarks/sampling.py > src/insidegpt/show/records/sampling.json

Shown on algorithm/generating-text. Texts depend on rounding: another processor writes
others. Takes about a quarter of an hour on one core.
"""

import json
import sys
from collections.abc import Callable

import torch
from torch import Tensor

import insidegpt
from insidegpt.infer.generate import pad_left, prefill
from insidegpt.infer.sampling import Sampling, choose, sample

PROMPTS = (
    "The weather today is",
    "The capital of France is",
    "Once upon a time, there was a",
    "My brother has two dogs, and",
    "The train to Berlin leaves",
    "In my opinion, the best way to learn is",
    "The recipe begins with",
    "She opened the letter and",
    "Scientists have found that",
    "The price of a house in the city",
)
SEEDS = 4
TOKENS = 50
TAIL = 1000  # what is ranked behind so many tokens
SAMPLERS = {
    "greedy": Sampling(0.0),
    "temperature 0.7": Sampling(0.7),
    "top-k 40": Sampling(1.0, top_k=40),
    "top-p 0.9": Sampling(1.0, top_p=0.9),
    "min-p 0.1": Sampling(1.0, min_p=0.1),
    "temperature 1": Sampling(1.0),
    "temperature 1.5, min-p 0.1": Sampling(1.5, min_p=0.1),
    "temperature 1.5": Sampling(1.5),
}
BEGINNINGS = (4, 8, 12, 16, 20, 24)  # tokens written before the one in question
ARMS = {  # ranks from .. to, and the share of top-p
    "likely": (0, 49152, 0.9),
    "tail": (TAIL, 49152, 1.0),
}
Choose = Callable[[Tensor, Tensor], Tensor]  # logits (B, V), text (B, S) -> (B,)


def write(
    model, prompts: list[list[int]], choice: Choose, *, tokens: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """Continue all prompts at once; the new ids and what was true when each was chosen.

    loss: -ln p of the token at temperature 1. rank: how many tokens were likelier.
    tail: the share beyond the best TAIL. entropy: of the next token. All (B, tokens).
    """
    unread, valid = pad_left(prompts)
    text, width = unread, unread.shape[1]
    cache = model.new_cache(batch=len(prompts), max_tokens=width + tokens)
    found: dict[str, list[Tensor]] = {"loss": [], "rank": [], "tail": [], "entropy": []}
    for _ in range(tokens):
        logits = prefill(model, unread, cache, valid=valid)
        token = choice(logits, text)
        log_p = logits.double().log_softmax(-1)
        chosen = log_p.gather(1, token[:, None])
        ordered = log_p.sort(-1, descending=True).values.exp()
        found["loss"].append(-chosen[:, 0])
        found["rank"].append((log_p > chosen).sum(1))
        found["tail"].append(ordered[:, TAIL:].sum(1))
        found["entropy"].append(-(log_p.exp() * log_p).sum(1))
        unread = token[:, None]
        text = torch.cat((text, unread), 1)
        valid = torch.cat((valid, torch.ones_like(unread, dtype=torch.bool)), 1)
    return text[:, width:], {name: torch.stack(x, 1) for name, x in found.items()}


def by(sampling: Sampling, seed: int) -> Choose:
    generator = torch.Generator().manual_seed(seed)
    return lambda logits, text: choose(logits, text, sampling, generator)


def repeated(ids: list[int], n: int = 4) -> float:
    """The share of runs of n tokens that the text held before."""
    runs = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return sum(run in runs[:i] for i, run in enumerate(runs)) / len(runs)


def samplers(model, prompts: list[list[int]]) -> dict[str, dict]:
    """Mean loss, repetition and tokens of the tail of each sampler's texts."""
    rows = prompts * SEEDS
    told = {}
    for name, sampling in SAMPLERS.items():
        some = prompts if sampling.temperature == 0 else rows
        ids, found = write(model, some, by(sampling, seed=0), tokens=TOKENS)
        from_tail = (found["rank"] >= TAIL).sum(1)
        told[name] = {
            "loss": rounded(found["loss"].mean(1)),
            "repeated": rounded(torch.tensor([repeated(row) for row in ids.tolist()])),
            "from_tail": from_tail.tolist(),
            "tail": rounded(found["tail"].mean(1)),
            "expected": rounded(1 - (1 - found["tail"]).prod(1)),
        }
        mean = found["loss"].mean()
        print(f"{name}: loss {mean:.2f}", file=sys.stderr)
    return told


def between(low: int, high: int, share: float, seed: int) -> Choose:
    """Draws from the tokens of ranks low to high - 1 that lie within top-p's share."""
    generator = torch.Generator().manual_seed(seed)

    def choice(logits: Tensor, text: Tensor) -> Tensor:
        p, order = logits.double().softmax(-1).sort(-1, descending=True)
        p = p.masked_fill(p.cumsum(-1) - p >= share, 0.0)
        p[:, :low], p[:, high:] = 0.0, 0.0
        return order.gather(1, sample(p, generator)[:, None])[:, 0]

    return choice


def one_token(model, prompts: list[list[int]], *, after: int = 20) -> dict[str, dict]:
    """The same texts, in one arm continued by a token of the tail, in another not."""
    told: dict[str, dict] = {}
    for round_, length in enumerate(BEGINNINGS):  # written before, with top-p 0.9
        some = prompts * 3
        ids, _ = write(model, some, by(SAMPLERS["top-p 0.9"], round_), tokens=length)
        starts = [p + row for p, row in zip(some, ids.tolist(), strict=True)]
        for name, (low, high, share) in ARMS.items():
            ids, _ = write(model, starts, between(low, high, share, round_), tokens=1)
            begun = [s + row for s, row in zip(starts, ids.tolist(), strict=True)]
            new, found = write(
                model, begun, by(Sampling(1.0), 100 + round_), tokens=after
            )
            arm = told.setdefault(name, {"tail": [], "entropy": [], "from_tail": []})
            arm["tail"] += rounded(found["tail"].mean(1))
            arm["entropy"] += [rounded(row) for row in found["entropy"]]
            arm["from_tail"] += (found["rank"] >= TAIL).sum(1).tolist()
            mean = found["entropy"].mean()
            print(f"{length} {name}: entropy {mean:.2f}", file=sys.stderr)
    return told


def rounded(numbers: Tensor) -> list[float]:
    return [round(x, 4) for x in numbers.tolist()]


@torch.inference_mode()
def main() -> None:
    model, tokenizer = insidegpt.load_model(), insidegpt.load_tokenizer()
    prompts = [tokenizer.encode(prompt) for prompt in PROMPTS]
    record = {
        "command": "python benchmarks/sampling.py > "
        "src/insidegpt/show/records/sampling.json",
        "prompts": PROMPTS,
        "seeds": SEEDS,
        "tokens": TOKENS,
        "one_token": one_token(model, prompts),
        "samplers": samplers(model, prompts),
    }
    print(json.dumps(record))


if __name__ == "__main__":
    main()
