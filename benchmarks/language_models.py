"""From counting letters to a transformer: bits per byte of one text, by model and data.

    python benchmarks/language_models.py            # all parts, half an hour on a core
    python benchmarks/language_models.py --parts real,game

Stored part by part as language_models.json of show/records, and shown on
concepts/language-models. The text is the prose of docstrings in 27 letters; networkx's
is kept for testing. A seed stands for an order of the documents, of which the first
letters are read, and for the weights at the start.
"""

import bz2
import gzip
import json
import lzma
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click
import numpy as np
import torch
from tqdm import tqdm

import insidegpt
from insidegpt.measure.guessing import guess_numbers, shares
from insidegpt.measure.likelihood import bits_per_byte, text_logprobs
from insidegpt.model.config import GPTConfig
from insidegpt.model.gpt import GPT
from insidegpt.model.neural_ngram import NeuralNGram
from insidegpt.text import corpus, ngrams
from insidegpt.text.batches import Batches
from insidegpt.text.letters import letters, to_ids, to_text
from insidegpt.train.loop import TrainConfig, train
from insidegpt.train.loss import next_token_loss

RECORD = Path("src/insidegpt/show/records/language_models.json")
SEEDS = (0, 1, 2)
SIZES = (54_000, 170_000, 540_000, 1_700_000, None)  # letters read; None: all
ORDERS = (2, 3, 5, 7)  # that are counted at each size
CONTEXT, ROWS = 128, 8  # letters of a window, and windows a step
READ, TIMES = (
    2_700_000,
    16,
)  # letters that are read in training, a text at most so often
# order, width and hidden units; blocks and width
NEURAL = {"neural, small": (8, 16, 64), "neural": (8, 24, 256)}
GPTS = {"gpt, small": (1, 32), "gpt": (2, 64), "gpt, large": (3, 96)}
GIVEN = 20  # letters of a sentence that players see at first
SENTENCES = (
    "the idea is to pick the farthest node from a random node and return its "
    "eccentricity",
    "there are four types of copies of a graph that people might want",
    "it is always possible to find a solution for directed graphs that have no cycles",
    "the main goal is to be able to work with big and dense graphs with a low memory "
    "footprint",
    "they could potentially be combined to cut down on overall computation time",
    "a warning is displayed if an error occurs while loading a backend",
)
Distribution = Callable[[list[int]], np.ndarray]  # of the letter after a text


class Material(NamedTuple):
    """The text to read, in three orders, and the one to be measured on."""

    train: dict[int, np.ndarray]  # ids, by seed
    valid: np.ndarray
    written: str  # the latter as it was written


def prepare() -> Material:
    """Every sixth document of the half for testing: about 100,000 letters."""
    split = corpus.documentation()
    read = [letters(text) for text in split.train]
    train = {}
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(len(read))
        train[seed] = to_ids(" ".join(read[i] for i in order))
    written = "\n".join(split.valid[::6])
    return Material(train, to_ids(letters(written)), written)


def store(**parts: object) -> None:
    """Put parts into the record, which keeps its others."""
    kept = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}
    kept |= {"command": "python benchmarks/language_models.py"} | parts
    RECORD.write_text(json.dumps(kept) + "\n", "utf-8")


# Counted -----------------------------------------------------------------------------


def bits_counted(model: ngrams.NGrams, ids: np.ndarray) -> float:
    """Bits a letter, the first left out as for the others."""
    return -float(np.log2(ngrams.text_probabilities(model, ids)[1:]).mean())


def counted(material: Material) -> None:
    """Every order on the whole text, then some orders on parts of it."""
    text, valid = material.train[0], material.valid
    orders = []
    for n in range(1, 13):
        model = ngrams.count_runs(text, order=n, vocab_size=27)
        orders.append(
            {
                "order": n,
                "parameters": model.parameters,
                "valid": round(bits_counted(model, valid), 4),
                "train": round(bits_counted(model, text[: len(valid)]), 4),
            }
        )
    runs, unseen = [], {}
    for letters_read in tqdm(SIZES):
        for seed in SEEDS:
            part = material.train[seed][:letters_read]
            found = {}
            for n in ORDERS:
                model = ngrams.count_runs(part, order=n, vocab_size=27)
                found[n] = round(bits_counted(model, valid), 4)
            runs.append({"seed": seed, "letters": len(part), "bits": found})
        unseen[len(part)] = [
            round(1 - known_contexts(part, valid, n), 4) for n in range(1, 13)
        ]
    store(
        letters={"train": len(text), "valid": len(valid)},
        orders=orders,
        counted=runs,
        unseen=unseen,
    )


def known_contexts(part: np.ndarray, valid: np.ndarray, n: int) -> float:
    """The share of runs of n letters in one text that occur in the other."""
    return ngrams.seen(ngrams.count_runs(part, order=n, vocab_size=27), valid, n)


def held(material: Material) -> None:
    """Some orders, with documents of the same packages held back, as many letters."""
    text, valid = material.train[0], material.valid
    back, text = text[: len(valid)], text[len(valid) :]
    found = {}
    for n in tqdm((1, 3, 5, 7, 9, 12)):
        model = ngrams.count_runs(text, order=n, vocab_size=27)
        places = {"train": text[: len(valid)], "held": back, "valid": valid}
        found[n] = {k: round(bits_counted(model, ids), 4) for k, ids in places.items()}
    store(held=found)


# Trained -----------------------------------------------------------------------------


def fresh(name: str, seed: int) -> torch.nn.Module:
    """A network that has read nothing."""
    generator = torch.Generator().manual_seed(seed)
    if name in NEURAL:
        order, width, hidden = NEURAL[name]
        return NeuralNGram(
            vocab_size=27, order=order, width=width, hidden=hidden, generator=generator
        )
    blocks, width = GPTS[name]
    heads, hidden = width // 32, 8 * round(width / 3)
    llama = {"rope_base": 1e4, "rms_eps": 1e-5, "mlp": "swiglu", "bias": "none"}
    config = GPTConfig(
        27, CONTEXT, blocks, width, heads, heads, hidden, qk_norm=True, **llama
    )
    return GPT(config, generator=generator)


def learn(name: str, material: Material, seed: int, size: int | None, read: int):
    """A trained network, and what it cost and came to."""
    ids = material.train[seed][:size]
    model = fresh(name, seed)
    batches = Batches(ids, context_tokens=CONTEXT, rows=ROWS, seed=seed)
    steps = min(read, TIMES * len(ids)) // batches.tokens_per_batch
    rates = {"lr": 0.01, "matrix_lr": 0.03} if name in NEURAL else {}
    began = time.process_time()
    loop = train(model, batches, next_token_loss, TrainConfig(steps, **rates))
    for _ in tqdm(loop, total=steps, desc=f"{name} {seed} {len(ids)}", mininterval=10):
        pass
    seconds, model = time.process_time() - began, model.eval()
    result = {
        "model": name,
        "seed": seed,
        "parameters": sum(p.numel() for p in model.parameters()),
        "letters": len(ids),
        "read": steps * batches.tokens_per_batch,
        "seconds": round(seconds),
        "valid": round(bits_learned(model, material.valid), 4),
        "train": round(bits_learned(model, ids[: len(material.valid)]), 4),
    }
    return model, result


def bits_learned(model: torch.nn.Module, ids: np.ndarray) -> float:
    scores = text_logprobs(model, ids, context_tokens=CONTEXT)
    return bits_per_byte(scores, len(ids) - 1)


def trained(material: Material, save: Path) -> None:
    """All sizes on the whole text, the middle ones on parts; one of each is kept."""
    runs = []
    small = [("neural", 54_000), ("neural", 540_000), ("gpt", 54_000), ("gpt", 540_000)]
    for seed in SEEDS:
        for name, size in [*((name, None) for name in [*GPTS, *NEURAL]), *small]:
            model, result = learn(name, material, seed, size, READ)
            runs.append(result)
            store(trained=runs)
            if size is None and seed == 0:
                save.mkdir(parents=True, exist_ok=True)
                torch.save(model.state_dict(), save / f"{name}.pt")


# Compressors, and a real model -------------------------------------------------------


def real(material: Material) -> None:
    """Bits a letter of programs that everybody has, and of SmolLM2."""
    text, read = (to_text(ids).encode() for ids in (material.valid, material.train[0]))
    best = {"preset": 9 | lzma.PRESET_EXTREME}
    sizes = {
        "gzip": len(gzip.compress(text, 9)),
        "bzip2": len(bz2.compress(text, 9)),
        "xz": len(lzma.compress(text, **best)),
        "xz, after the text to read": len(lzma.compress(read + b" " + text, **best))
        - len(lzma.compress(read, **best)),
    }
    packed = {name: round(8 * size / len(text), 4) for name, size in sizes.items()}
    model, tokenizer = insidegpt.load_model(), insidegpt.load_tokenizer()
    smollm2 = {}
    for name, sample in (("letters", text.decode()), ("written", material.written)):
        sample = sample[:12_000]
        ids = tokenizer.encode(sample)
        scores = text_logprobs(model, ids, context_tokens=512, stride=384)
        scored = len(sample.encode()) - len(tokenizer.token_bytes(ids[0]))
        smollm2[name] = round(bits_per_byte(scores, scored), 4)
    store(packed=packed, smollm2=smollm2)


# The game, and samples ---------------------------------------------------------------


def guessers(material: Material, save: Path) -> dict[str, Distribution]:
    """The models that play, best last."""
    text, found = material.train[0], {}

    def counted_by(model: ngrams.NGrams) -> Distribution:
        def after(ids: list[int]) -> np.ndarray:
            padded = [0] * model.order + ids
            context = np.array(padded[len(padded) - model.order + 1 :], int)
            return ngrams.distributions(model, context)

        return after

    def learned_by(model: torch.nn.Module) -> Distribution:
        @torch.inference_mode()
        def after(ids: list[int]) -> np.ndarray:
            logits = model(torch.tensor([[0, *ids][-CONTEXT:]]))[0, -1]
            return logits.double().softmax(-1).numpy()

        return after

    for name, order in (("unigram", 1), ("bigram", 2), ("5-gram", 5), ("7-gram", 7)):
        model = ngrams.count_runs(text, order=order, vocab_size=27)
        found[name] = counted_by(model)
    for label, name in (("neural", "neural"), ("transformer", "gpt, large")):
        model = fresh(name, 0)
        model.load_state_dict(torch.load(save / f"{name}.pt", weights_only=True))
        found[label] = learned_by(model.eval())
    return found


def write(after: Distribution, seed: int, length: int = 200) -> str:
    """Letters drawn one after the other; the first follows a space."""
    draw, ids = np.random.default_rng(seed), [0]
    while len(ids) <= length:
        p = after(ids)
        ids.append(int(draw.choice(27, p=p / p.sum())))
    return to_text(ids[1:])


def play(after: Distribution, sentence: str) -> list[int]:
    """Guesses for each letter of a sentence, from what is before it alone."""
    ids = to_ids(sentence)
    rows = np.stack([after([0, *ids[:n].tolist()]) for n in range(len(ids))])
    return guess_numbers(rows, ids).tolist()


def game(material: Material, save: Path) -> None:
    """Samples, sentences played by each, and how often which guess was right."""
    valid = to_text(material.valid)
    assert all(f" {s} " in valid for s in SENTENCES), "a sentence is not of this text"
    models = guessers(material, save)
    played = {
        name: [play(after, sentence) for sentence in SENTENCES]
        for name, after in models.items()
    }
    parts = np.lib.stride_tricks.sliding_window_view(material.valid, CONTEXT)
    places = parts[:: len(parts) // 4000]  # 4,000 letters from everywhere
    right = {}
    for name, after in models.items():
        rows = np.stack([after(place[:-1].tolist()) for place in tqdm(places, name)])
        numbers = guess_numbers(rows, places[:, -1])
        p = np.take_along_axis(rows, places[:, -1:], 1)
        right[name] = {
            "shares": [round(float(s), 5) for s in shares(numbers, choices=27)],
            "bits": round(float(-np.log2(p).mean()), 4),
        }
    samples = {name: write(after, 0) for name, after in models.items()}
    words = to_text(material.train[0]).split()
    runs = {n: set(zip(*(words[i:] for i in range(n)), strict=False)) for n in (1, 3)}
    own = {name: originality(after, runs) for name, after in models.items()}
    words = {"given": GIVEN, "sentences": SENTENCES, "played": played}
    store(game=words, guessed=right, samples=samples, own=own)


def originality(after: Distribution, runs: dict[int, set]) -> dict[str, float]:
    """The shares of words, and of runs of three, that are new in 2,000 letters."""
    words = write(after, 1, 2000).split()[:-1]  # the last may not be complete
    new = {}
    for n, known in runs.items():
        drawn = list(zip(*(words[i:] for i in range(n)), strict=False))
        new[str(n)] = round(sum(run not in known for run in drawn) / len(drawn), 4)
    return new


@click.command()
@click.option("--parts", default="counted,held,real,trained,game", show_default=True)
@click.option("--save", type=Path, default="build/language_models", show_default=True)
def main(parts: str, save: Path) -> None:
    """Write the record, part by part."""
    material = prepare()
    torch.set_num_threads(1)
    if "counted" in parts:
        counted(material)
    if "held" in parts:
        held(material)
    if "real" in parts:
        real(material)
    if "trained" in parts:
        trained(material, save)
    if "game" in parts:
        game(material, save)


if __name__ == "__main__":
    main()
