"""Teach SmolLM2 to answer in one line of JSON, by adapters and by all of its weights.

    python benchmarks/lora.py run lora --seed 0 >> runs.jsonl
    python benchmarks/lora.py run full --seed 0 --lr 3e-5 >> runs.jsonl
    python benchmarks/lora.py prompts >> runs.jsonl
    python benchmarks/lora.py parts src/insidegpt/checkpoints/lora-json >> runs.jsonl
    python benchmarks/lora.py gather runs.jsonl > lora.json

Stored as lora.json of show/records, and shown on code/fine-tuning. Rates, ranks and
places were tried on the validation questions (``--part valid``), one seed each; the
test questions were read for the two ways that were chosen. Three to five minutes a run
on a core.
"""

import copy
import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import torch

import insidegpt
from insidegpt.align.sft import Examples, encode_examples, pad
from insidegpt.infer.generate import generate_batch
from insidegpt.measure.likelihood import bits_per_byte, text_logprobs
from insidegpt.model.gpt import GPT
from insidegpt.text.chat import encode_chat
from insidegpt.text.corpus import documentation
from insidegpt.text.json_answers import (
    KINDS,
    Question,
    dialogues,
    is_right,
    questions,
    read_reply,
)
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.lora import adapt, adapters, load_adapter, merge, save_adapter
from insidegpt.train.loss import next_token_loss

ROWS, STEPS, NEW_TOKENS = 8, 40, 64
LOOKS = (0, 5, 10, 20, 30, 40)  # steps after which loss and prose are measured
MLPS = ("gate", "up", "down")
EVERY = ("query", "key", "value", "out", *MLPS)
WAYS: dict[str, dict[str, Any]] = {  # alpha is twice the rank in all of them
    "lora": {"rank": 4, "targets": MLPS},
    "rank 1": {"rank": 1, "targets": MLPS},
    "rank 16": {"rank": 16, "targets": MLPS},
    "all matrices": {"rank": 4, "targets": EVERY},
    "all matrices, rank 8": {"rank": 8, "targets": EVERY},
    "queries and values": {"rank": 8, "targets": ("query", "value")},
    "full": {},
}
RATES = {"lora": 1e-3, "full": 3e-5}
ORDER = (
    'Answer in one line of JSON with the keys "answer" and "kind", and write nothing '
    f"else. The kind is one of: {', '.join(KINDS)}."
)
PLAIN = "Answer in plain English sentences."  # to a model that has learned JSON
PROSE_CHARACTERS = 6000


class Bench:
    """The model's tokenizer, and all that is asked of it."""

    def __init__(self) -> None:
        self.tokenizer = insidegpt.load_tokenizer()
        encode = {"context_tokens": 512}
        self.examples = encode_examples(self.tokenizer, dialogues("train"), **encode)
        self.valid = encode_examples(self.tokenizer, dialogues("valid"), **encode)
        self.prose = self.documents("networkx")

    def documents(self, package: str) -> str:
        """The beginning of a package's documentation."""
        read = documentation(train=(), valid=(package,)).valid
        return "\n".join(read)[:PROSE_CHARACTERS]

    def ask(
        self, model: GPT, part: str, before: list[dict] | None = None, every: int = 1
    ) -> list[str]:
        """Greedy answers to a part's questions; one that is cut off ends in dots."""
        prompts = [
            encode_chat(
                self.tokenizer, [*(before or []), {"role": "user", "content": q.text}]
            )
            for q in questions(part)[::every]
        ]
        settings = {"max_new_tokens": NEW_TOKENS, "stop_ids": self.tokenizer.end_ids}
        said = []
        for start in range(0, len(prompts), 16):
            said += generate_batch(model, prompts[start : start + 16], **settings)
        decode = self.tokenizer.decode
        return [decode(a) + " ..." * (len(a) == NEW_TOKENS) for a in said]

    @torch.inference_mode()
    def valid_loss(self, model: GPT) -> float:
        """Nats a token of the right lines for the validation questions."""
        return next_token_loss(model, pad(self.valid)).mean

    def prose_bits(self, model: GPT, prose: str | None = None) -> float:
        """Bits per byte of prose that has nothing to do with it."""
        prose = prose or self.prose
        ids = self.tokenizer.encode(prose)
        found = text_logprobs(model, ids, context_tokens=512)
        lost = len(self.tokenizer.decode(ids[:1]).encode())
        return bits_per_byte(found, len(prose.encode()) - lost)


def judge(asked: tuple[Question, ...], texts: list[str]) -> dict[str, str]:
    """A character for each question: in form, of the right kind, right in substance."""
    replies = [read_reply(text) for text in texts]
    pairs = list(zip(asked, replies, strict=True))
    facts = [(q, r, t) for (q, r), t in zip(pairs, texts, strict=True) if q.accepted]
    return {
        "form": bits(r is not None for _, r in pairs),
        "kind": bits(r is not None and r.kind == q.kind for q, r, _ in facts),
        "right": bits(is_right(q, r.answer if r else t) for q, r, t in facts),
    }


def bits(values: Iterable[object]) -> str:
    """One character for each, which JSON holds in one line."""
    return "".join("01"[bool(value)] for value in values)


def look(bench: Bench, model: GPT, number: int) -> list[float]:
    model.eval()
    found = bench.valid_loss(model), bench.prose_bits(model)
    return [number, *(round(value, 4) for value in found)]


def teach(bench: Bench, name: str, seed: int, lr: float) -> tuple[GPT, dict]:
    """A trained model, and what was seen on the way."""
    model = insidegpt.load_model(trainable=True)
    if way := WAYS[name]:
        draw = torch.Generator().manual_seed(seed)
        adapt(model, alpha=2.0 * way["rank"], generator=draw, **way)
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    config = TrainConfig(STEPS, lr=lr, matrix_lr=None, warmup=4, decay=0.5)
    looks, losses, seconds = [look(bench, model, 0)], [], 0.0
    batches = Examples(bench.examples, rows=ROWS, seed=seed)
    for step in train(model, batches, next_token_loss, config):
        losses.append(round(step.loss, 3))
        seconds += step.seconds
        if step.number + 1 in LOOKS:
            looks.append(look(bench, model, step.number + 1))
            print(f"{name} {seed} {lr}: {looks[-1]}", file=sys.stderr, flush=True)
    about = {"way": name, "seed": seed, "lr": lr, "trained": trained}
    threads = torch.get_num_threads()
    about |= {"seconds": round(seconds), "threads": threads}
    return model.eval(), about | {"losses": losses, "looks": looks}


def moved(model: GPT) -> dict[str, float]:
    """How far training moved the matrices of every tenth MLP, and how far at most.

    The mean length of what was added (Frobenius) and its largest singular value.
    """
    model, base = merge(copy.deepcopy(model)), insidegpt.load_model()
    lengths, largest = [], []
    for number in range(0, len(base.blocks), 10):
        for name in MLPS:
            after, before = (m.blocks[number].mlp for m in (model, base))
            after, before = (getattr(x, name).weight.detach() for x in (after, before))
            lengths.append((after - before).norm().item())
            largest.append(torch.linalg.matrix_norm(after - before, ord=2).item())
    means = {"moved": lengths, "moved_most": largest}
    return {k: round(sum(v) / len(v), 4) for k, v in means.items()}


@click.group()
def main() -> None:
    """Measurements, a line of JSON each, and ``gather`` for the record of them."""


@main.command()
@click.argument("way", type=click.Choice(list(WAYS)))
@click.option("--seed", default=0, show_default=True)
@click.option("--lr", type=float, help="Learning rate; the chosen one if not given.")
@click.option("--part", default="test", show_default=True)
@click.option("--keep", type=Path, help="A directory for the adapter, in 16 bits.")
def run(way: str, seed: int, lr: float | None, part: str, keep: Path | None) -> None:
    """Teach the model in one way, and ask it."""
    bench = Bench()
    lr = lr or RATES["lora" if WAYS[way] else "full"]
    model, found = teach(bench, way, seed, lr)
    began = time.perf_counter()
    texts = bench.ask(model, part)
    found |= {"part": part, "texts": texts} | judge(questions(part), texts)
    found |= moved(model)
    prose = bench.ask(model, part, [{"role": "system", "content": PLAIN}], every=3)
    found |= {"told_plain": bits(read_reply(text) for text in prose)}
    if keep:
        for _, layer in adapters(model):
            for p in (layer.down, layer.up):
                p.data = p.data.bfloat16()
        save_adapter(model, keep, base="HuggingFaceTB/SmolLM2-135M-Instruct")
        again = load_adapter(insidegpt.load_model(), keep)
        same = zip(bench.ask(again, part), texts, strict=True)
        found["as_kept"] = sum(a == b for a, b in same)
        model = again
    if WAYS[way]:
        merged = merge(copy.deepcopy(model))
        before = bench.ask(model, part) if keep else texts
        same = zip(bench.ask(merged, part), before, strict=True)
        found["as_merged"] = sum(a == b for a, b in same)
    found["asking_s"] = round(time.perf_counter() - began)
    print(json.dumps(found, ensure_ascii=False), flush=True)


@main.command()
@click.option("--part", default="test", show_default=True)
def prompts(part: str) -> None:
    """The model as it is: asked plainly, told what to do, and shown seven examples."""
    bench, model = Bench(), insidegpt.load_model()
    order = [{"role": "system", "content": ORDER}]
    firsts = {q.kind: n for n, q in reversed(list(enumerate(questions("train"))))}
    shown = [m for kind in KINDS for m in dialogues("train")[firsts[kind]]]
    ways = {"plain": [], "order": order, "order and examples": [*order, *shown]}
    for name, before in ways.items():
        texts = bench.ask(model, part, before)
        tokens = len(encode_chat(bench.tokenizer, [*before, dialogues(part)[0][0]]))
        found = {"prompt": name, "part": part, "tokens": tokens, "texts": texts}
        found |= judge(questions(part), texts)
        print(json.dumps(found, ensure_ascii=False), flush=True)


@main.command()
@click.argument("directory", type=click.Path(exists=True, path_type=Path))
def parts(directory: Path) -> None:
    """The adapter that was kept, put on in part: what is left of form and forgetting.

    Of each product B A, all is taken by a share, or its strongest direction alone.
    ``other`` is a second prose, about drawing, in bits per byte after and before.
    """
    bench, base = Bench(), insidegpt.load_model()
    model = load_adapter(insidegpt.load_model(), directory)
    other = bench.documents("matplotlib")
    before = round(bench.prose_bits(base, other), 4)
    layers = [layer for _, layer in adapters(model)]
    whole = [(layer.up.detach().clone(), layer.down.detach()) for layer in layers]
    for first, rest in ((1, 1), (0.75, 0.75), (0.5, 0.5), (0.5, 1), (0, 1)):
        for layer, (up, down) in zip(layers, whole, strict=True):
            left = torch.linalg.svd(up @ down, full_matrices=False).U[:, :1]
            layer.up.data.copy_(rest * up + (first - rest) * left @ (left.T @ up))
        found = {"first": first, "rest": rest, "look": look(bench, model, STEPS)[1:]}
        found["other"] = [round(bench.prose_bits(model, other), 4), before]
        replies = [read_reply(text) for text in bench.ask(model, "valid")]
        found["form"] = bits(reply is not None for reply in replies)
        if first == rest == 1:
            found |= {"alike": alike(model), "begun": begun(bench)}
            found["slower"] = slower(bench, model)
        print(json.dumps(found), flush=True)


def slower(bench: Bench, model: GPT) -> float:
    """How many times as long an adapter beside the matrices takes as a merged one.

    The median of seven pairs, each of 64 new tokens for one question.
    """
    merged, prompt = merge(copy.deepcopy(model)), bench.tokenizer.encode("Tell me.")
    pairs = []
    for _ in range(7):
        seconds = []
        for which in (model, merged):
            began = time.perf_counter()
            generate_batch(which, [prompt], max_new_tokens=NEW_TOKENS, stop_ids=())
            seconds.append(time.perf_counter() - began)
        pairs.append(seconds[0] / seconds[1])
    return round(sorted(pairs)[3], 2)


def alike(model: GPT) -> float:
    """The least likeness of a strong direction of a tuned matrix to one of before.

    An intruder of Shuttleworth et al. is a left singular vector, here of the ten
    strongest, whose cosine with each of the untuned matrix is small.
    """
    after, before = merge(copy.deepcopy(model)), insidegpt.load_model()
    least = []
    for number in range(0, len(before.blocks), 10):
        for name in MLPS:
            new, old = (
                torch.linalg.svd(
                    getattr(m.blocks[number].mlp, name).weight.detach().double(),
                    full_matrices=False,
                ).U
                for m in (after, before)
            )
            least.append((new[:, :10].T @ old).abs().amax(1).min().item())
    return round(min(least), 4)


def begun(bench: Bench) -> str:
    """The untrained model, whose answer we begin for it: right words inside quotes."""
    model, asked = insidegpt.load_model(), [q for q in questions("test") if q.accepted]
    start = bench.tokenizer.encode('{"answer": "')
    prompts = [
        [*encode_chat(bench.tokenizer, [{"role": "user", "content": q.text}]), *start]
        for q in asked
    ]
    settings = {"max_new_tokens": 16, "stop_ids": bench.tokenizer.end_ids}
    texts = map(bench.tokenizer.decode, generate_batch(model, prompts, **settings))
    pairs = zip(asked, texts, strict=True)
    return bits(is_right(q, text.partition('"')[0]) for q, text in pairs)


@main.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
def gather(files: tuple[Path, ...]) -> None:
    """One record of all lines; texts of the model as it is and of one training."""
    lines = [json.loads(t) for file in files for t in file.read_text().splitlines()]
    prompts = [line for line in lines if "prompt" in line and line["part"] == "test"]
    runs = [line for line in lines if "way" in line]
    for line in runs:
        if (line["way"], line["seed"], line["part"]) != ("lora", 0, "test"):
            del line["texts"]
    for line in prompts[1:]:
        del line["texts"]
    chosen = [line for line in runs if line["part"] == "valid"]
    for line in chosen:
        del line["losses"]
    runs = [line for line in runs if line["part"] == "test"]
    shares = [line for line in lines if "first" in line]
    record = {"command": __doc__.split("\n\n")[1].split("\n")[0].strip()}
    record |= {"prompts": prompts, "rates": chosen, "runs": runs, "parts": shares}
    json.dump(record, sys.stdout, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
