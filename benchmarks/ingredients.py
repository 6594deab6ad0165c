"""What each ingredient of a pretraining is worth: one is changed, the rest stays.

    python benchmarks/ingredients.py --group data > data.json

Groups: rates, model, data, mixture; stored together in ingredients.json of
show/records, and shown on code/pretraining. Three worlds each,
300 steps of 3,072 tokens a run: one to two minutes each on a core.
"""

import dataclasses
import itertools
import json
import random
import sys

import click
from corpora import Material, prepare
from tqdm import tqdm

from insidegpt.measure.knowledge import accuracy, quiz
from insidegpt.model.config import PRESETS, GPTConfig
from insidegpt.text.cleaning import clean
from insidegpt.text.corpus import docstrings
from insidegpt.text.world.crawl import write_crawl
from insidegpt.text.world.documents import write_clozes, write_documents
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

STEPS, SHORT = 300, 100  # of a run, and of one that looks for a learning rate
RATES = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08)  # of Muon
ADAM_RATES = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032)
MODEL = {
    "learned positions": {"rope_base": None},
    "no positions": {"unrotated_layers": (0, 1, 2, 3)},
    "no QK-norm": {"qk_norm": False},
    "LayerNorm": {"qk_norm": False, "rms_eps": None},  # beside no QK-norm
}
ADAMW = 0.004  # the best of them, by the group ``rates``
SHARES = (0.0, 0.25, 0.5)  # of English in a mixture


def measure(
    material: Material, config: GPTConfig = PRESETS["mini"], other=None, **settings
) -> dict[str, float]:
    """Train one model, and what it reached: on new documents, and on facts.

    other: texts of another kind, on which its bits per byte are measured as well.
    """
    model = material.fresh(config)
    settings = TrainConfig(**{"steps": STEPS} | settings)
    loop = train(model, material.batches, next_token_loss, settings)
    try:
        for _ in tqdm(loop, total=settings.steps, leave=False):
            pass
    except FloatingPointError as problem:
        return {"failed": str(problem)}
    model.eval()
    answers = quiz(model, material.tokenizer, write_clozes(material.world))
    often = [accuracy(answers, rules=False, times=times) for times in (64, 256)]
    found = {
        "bits_per_byte": round(material.bits_per_byte(model), 4),
        "known": round(sum(often) / 2, 4),
        "rules": round(accuracy(answers, rules=True, times=0), 4),
    }
    if other:
        material = dataclasses.replace(material, held_out=other)
        found["other_bits_per_byte"] = round(material.bits_per_byte(model), 4)
    return found


def rates(seed: int) -> dict[str, dict]:
    """Learning rates of Muon, and of AdamW where it moves the matrices as well."""
    material = prepare(seed)
    found = {}
    for rate in RATES:
        found[f"muon {rate}"] = measure(material, matrix_lr=rate, steps=SHORT)
    for rate in ADAM_RATES:
        settings = {"lr": rate, "matrix_lr": None, "steps": SHORT}
        found[f"adamw {rate}"] = measure(material, **settings)
    return found


def model(seed: int) -> dict[str, dict]:
    """The model with one thing changed, and AdamW at the best of its rates."""
    material, mini = prepare(seed), PRESETS["mini"]
    found = {"AdamW": measure(material, lr=ADAMW, matrix_lr=None)}
    for name, change in MODEL.items():
        found[name] = measure(material, dataclasses.replace(mini, **change))
    return found


def data(seed: int) -> dict[str, dict]:
    """The same steps on a crawl, cleaned or not, and twice the steps on documents."""
    material = prepare(seed)
    crawl = write_crawl(material.documents, seed)
    found = {"documents": measure(material)}
    for name, keep in {
        "crawl": {"prose": False, "copies": False},
        "prose alone": {"copies": False},
        "no copies": {"prose": False},
        "both": {},
    }.items():
        found[name] = measure(material.reading(clean(crawl, **keep)))
    found["read twice"] = measure(material, steps=2 * STEPS)
    known = set(material.held_out)
    again = write_documents(material.world, seed + 1000)
    again = [text for text in again if text not in known]
    both = material.reading(material.documents + again)
    found["written twice"] = measure(both, steps=2 * STEPS)
    return found


def mixture(seed: int) -> dict[str, dict]:
    """Documents of the world and of Python packages, in several proportions."""
    english = docstrings(("numpy", "torch"))
    draw = random.Random(seed)
    draw.shuffle(english)
    cut = len(english) * 49 // 50
    material = prepare(seed, more=english[:cut])
    total, found = sum(map(len, material.documents)), {}
    for share in SHARES:
        texts = parts(material.documents, total * (1 - share))
        texts += parts(english[:cut], total * share)
        draw.shuffle(texts)
        found[str(share)] = measure(material.reading(texts), other=english[cut:])
    return found


def parts(texts: list[str], letters: float) -> list[str]:
    """The first texts, as many as have so many letters together."""
    ends = itertools.accumulate(map(len, texts))
    return [text for text, end in zip(texts, ends, strict=True) if end <= letters]


@click.command()
@click.option("--group", type=click.Choice(["rates", "model", "data", "mixture"]))
@click.option("--seeds", default=3, show_default=True)
def main(group: str, seeds: int) -> None:
    """Print one JSON document."""
    measured = {"rates": rates, "model": model, "data": data, "mixture": mixture}[group]
    runs = [{"seed": seed, "found": measured(seed)} for seed in range(seeds)]
    command = f"python benchmarks/ingredients.py --group {group} --seeds {seeds}"
    json.dump({"command": command, "steps": STEPS, "runs": runs}, sys.stdout)


if __name__ == "__main__":
    main()
