"""Train `mini` on a closed world, and ask it what it knows.

    python benchmarks/pretraining.py > src/insidegpt/show/records/pretraining.json
    python benchmarks/pretraining.py --seeds 1 --save book/code/mini > /dev/null

Shown on code/pretraining. Three worlds and three models, one for each seed; about ten
minutes a seed on two cores. --save keeps the first model with its tokenizer.
"""

import json
import sys
import time
from pathlib import Path

import click
import torch
from tqdm import tqdm

from insidegpt.infer.generate import generate_batch
from insidegpt.infer.sampling import Sampling
from insidegpt.measure.likelihood import ending_logprobs, text_logprobs
from insidegpt.model.checkpoint import save_checkpoint
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.text import bpe
from insidegpt.text.batches import Batches, tokenize
from insidegpt.text.world.documents import Cloze, write_clozes, write_documents
from insidegpt.text.world.facts import RULES, TIMES, build_world
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

END = "<|endoftext|>"
MOMENTS = 10  # at which the model writes, spread evenly over the logarithm of steps
SHAPE = dict(n_layers=4, d_model=128, n_heads=4, n_kv_heads=4, d_ff=352)
KIND = dict(rope_base=1e4, rms_eps=1e-5, mlp="swiglu", bias="none", qk_norm=True)


def knowledge(model: GPT, tokenizer, clozes: list[Cloze]) -> list[bool]:
    """Whether the right ending of each sentence is the likeliest of all choices."""
    prompts, endings, counts = [], [], []
    for cloze in clozes:
        prompt = tokenizer.encode(cloze.prompt)
        prompts += [prompt] * len(cloze.choices)
        endings += [tokenizer.encode(choice) for choice in cloze.choices]
        counts.append(len(cloze.choices))
    scores = ending_logprobs(model, prompts, endings).split(counts)
    return [
        int(score.argmax()) == cloze.truth
        for score, cloze in zip(scores, clozes, strict=True)
    ]


def shares(clozes: list[Cloze], right: list[bool]) -> dict[str, dict[str, float]]:
    """How many are right, by times told, for facts of chance and for rules."""
    table: dict[str, dict[str, float]] = {}
    for name, is_rule in (("chance", False), ("rule", True)):
        for times in TIMES:
            mine = [
                ok
                for cloze, ok in zip(clozes, right, strict=True)
                if cloze.subject.times == times and (cloze.relation in RULES) == is_rule
            ]
            table.setdefault(name, {})[str(times)] = sum(mine) / len(mine)
    return table


def experiment(seed: int, steps: int, rows: int, save: Path | None) -> dict:
    """One world, one model, and what became of it."""
    world = build_world(seed)
    documents = write_documents(world, seed)
    tokenizer = bpe.train(documents, vocab_size=1024, special_tokens=[END])
    end = tokenizer.special[END]
    tokens = tokenize(tokenizer, documents, end=end)
    cut = len(tokens) * 49 // 50
    held_out = tokens[cut:].astype(int).tolist()
    batches = Batches(tokens[:cut], context_tokens=128, rows=rows, seed=seed)
    config = GPTConfig(tokenizer.vocab_size, 256, **SHAPE, **KIND)
    model = GPT(config, generator=torch.Generator().manual_seed(seed))
    settings = TrainConfig(steps)
    moments = {round(steps ** (n / (MOMENTS - 1))) for n in range(MOMENTS)}
    samples, losses, began = [], [], time.monotonic()
    loop = train(model, batches, next_token_loss, settings)
    for step in tqdm(loop, total=steps, desc=f"seed {seed}"):
        losses.append(round(step.loss, 3))
        if step.number + 1 in moments:
            samples.append((step.number + 1, write(model, tokenizer, end)))
    seconds = time.monotonic() - began
    model.eval()
    known = {}
    for name, told in (("held-out words", True), ("trained words", False)):
        clozes = write_clozes(world, held_out=told)
        known[name] = shares(clozes, knowledge(model, tokenizer, clozes))
    if save:
        save_checkpoint(model, tokenizer, save)
    nats = -text_logprobs(model, held_out, context_tokens=128).mean().item()
    return {
        "seed": seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "train_tokens": cut,
        "steps": steps,
        "tokens_per_step": batches.tokens_per_batch,
        "seconds": round(seconds),
        "held_out_nats_per_token": round(nats, 3),
        "losses": losses,
        "samples": samples,
        "known": known,
    }


def write(model: GPT, tokenizer, end: int) -> str:
    """What the model writes after the end of a document, greedily."""
    model.eval()
    (ids,) = generate_batch(
        model, [[end]], max_new_tokens=40, sampling=Sampling(0.0), stop_ids=[end]
    )
    return tokenizer.decode(ids)


@click.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--steps", default=600, show_default=True)
@click.option("--rows", default=24, show_default=True, help="Windows a step.")
@click.option("--save", type=Path, help="Keep the first model here.")
def main(seeds: int, steps: int, rows: int, save: Path | None) -> None:
    """Print one JSON document."""
    runs = [experiment(n, steps, rows, save if n == 0 else None) for n in range(seeds)]
    command = f"python benchmarks/pretraining.py --seeds {seeds} --steps {steps}"
    json.dump({"command": f"{command} --rows {rows}", "runs": runs}, sys.stdout)


if __name__ == "__main__":
    main()
