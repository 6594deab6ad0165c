"""The view of sampling: the strip of all tokens, cut and hit, in a tree of texts.

Counts of tokens are those of ``infer.sampling``, for every setting of the controls:
they are computed here and stored, not in the page.
"""

import base64
import heapq
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from torch import Tensor

from insidegpt.infer.generate import pad_left
from insidegpt.infer.sampling import Sampling, probabilities
from insidegpt.model.interface import Model
from insidegpt.show import plots
from insidegpt.show.view import View
from insidegpt.text.interface import Tokenizer

TEMPERATURES = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)  # and 0, which needs no numbers
TOP_K = (1, 2, 5, 10, 20, 40)
TOP_P = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
MIN_P = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
NAMED = 40  # tokens whose names are stored at a node
NAMED_FIRST = 420  # and at the first one
BATCH = 16  # nodes read at once
# Two ways to draw; each decides in turn which node is worth to be recorded next.
WAYS = (Sampling(1.0, top_p=0.9), Sampling(0.75, min_p=0.1))

Path = tuple[int, ...]  # the tokens after the prompt


class Node(NamedTuple):
    """What can be drawn after one text, the likeliest first."""

    tokens: list[int]  # those that have a name
    gaps: Float[np.ndarray, " n"]  # how far their logits are below the best one
    tail: Float[np.ndarray, " t"]  # the share of all others, for each temperature
    counts: list[int]  # tokens that top-p and then min-p leave, by temperature
    masses: list[float]  # the share that min-p leaves, by temperature


@torch.inference_mode()
def grow(model: Model, prompt: Sequence[int], *, nodes: int) -> dict[Path, Tensor]:
    """Logits after the texts that are likeliest to be drawn, ``nodes`` of them."""
    heaps: list[list[tuple[float, Path]]] = [[(-1.0, ())] for _ in WAYS]
    chances: list[dict[Path, float]] = [{(): 1.0} for _ in WAYS]
    found: dict[Path, Tensor] = {}
    while len(found) < nodes and any(heaps):
        batch = _likeliest(heaps, found, min(BATCH, nodes - len(found)))
        ids, valid = pad_left([[*prompt, *path] for path in batch])
        rows = model.logits(model.hidden(ids, valid=valid)[:, -1])
        found |= zip(batch, rows, strict=True)
        for heap, chance, way in zip(heaps, chances, WAYS, strict=True):
            drawn = probabilities(rows, way).topk(NAMED)
            for path, shares, tokens in zip(
                batch, *map(Tensor.tolist, drawn), strict=True
            ):
                for share, token in zip(shares, tokens, strict=True):
                    after, p = (*path, token), chance.get(path, 0.0) * share
                    if p > 0:
                        chance[after] = p
                        heapq.heappush(heap, (-p, after))
    return dict(sorted(found.items(), key=lambda item: len(item[0])))


def _likeliest(heaps, found: Mapping[Path, Tensor], count: int) -> list[Path]:
    """Texts that were not read yet, the likeliest of each heap in turn."""
    batch: list[Path] = []
    while len(batch) < count and any(heaps):
        for heap in heaps:
            if heap and len(batch) < count:
                _, path = heapq.heappop(heap)
                if path not in found and path not in batch:
                    batch.append(path)
    return batch


def measure(logits: Float[Tensor, " V"], *, named: int = NAMED) -> Node:
    """What the view needs of one distribution, for every setting of its controls.

    The filters of ``infer.sampling`` on tokens that are sorted once, in float64.
    """
    best = logits.double().sort(descending=True, stable=True)
    tail, counts, masses = [], [], []
    for temperature in TEMPERATURES:
        p = ((best.values - best.values[0]) / temperature).softmax(0)
        ends = p.cumsum(0)
        tail.append(1 - ends[named - 1].item())
        for share in TOP_P:
            counts.append(int(((ends - p) < share * ends[-1]).sum()))
        for fraction in MIN_P:
            kept = int((p >= fraction * p[0]).sum())
            counts.append(kept)
            masses.append(ends[kept - 1].item())
    gaps = (best.values[0] - best.values[:named]).numpy()
    tokens = best.indices[:named].tolist()
    return Node(tokens, gaps, np.array(tail), counts, masses)


def sampling_view(
    tokenizer: Tokenizer,
    trees: Mapping[str, Mapping[Path, Float[Tensor, " V"]]],
    *,
    title: str,
    caption: str,
    alt: str,
) -> View:
    """A strip to cut and to throw darts at. trees: ``grow`` of some prompts."""
    measured = {
        prompt: {
            path: measure(logits, named=NAMED if path else NAMED_FIRST)
            for path, logits in tree.items()
        }
        for prompt, tree in trees.items()
    }
    nodes = [node for tree in measured.values() for node in tree.values()]
    tokens = sorted({token for node in nodes for token in node.tokens})
    place = {token: n for n, token in enumerate(tokens)}
    first = next(iter(trees.values()))[()]
    data = {
        "names": [tokenizer.decode([token]) for token in tokens],
        "vocabulary": len(first),
        "temperatures": [0, *TEMPERATURES],
        "cuts": [list(TOP_K), list(TOP_P), list(MIN_P)],
        "prompts": [
            {"prompt": prompt, "nodes": [pack(node, place) for node in tree.values()]}
            | {"next": _edges(tree)}
            for prompt, tree in measured.items()
        ],
    }
    shares = first.softmax(-1).sort(descending=True).values[:NAMED]
    ends = [0.0, *shares.cumsum(0).tolist(), 1.0]

    def strip(ax: Axes) -> None:
        for n, (left, right) in enumerate(zip(ends, ends[1:], strict=False)):
            colour = plots.MUTED if n == NAMED else plots.TOKEN
            ax.barh(0, right - left, left=left, color=colour, alpha=0.5 + n % 2 / 4)
        ax.set(xlabel="share of the strip", yticks=[], xlim=(0, 1))

    fallback, _ = plots.pictures(strip, alt=alt, height=110)
    words = {"title": title, "caption": caption, "alt": alt, "fallback": fallback}
    return View("sampling", data, **words)


def pack(node: Node, place: Mapping[int, int]) -> str:
    """A node as 16-bit numbers, little end first: how many names, then its fields."""
    parts = [
        [len(node.tokens)],
        [place[token] for token in node.tokens],
        np.minimum(node.gaps * 1000, 65535),
        node.tail * 65535,
        node.counts,
        np.array(node.masses) * 65535,
    ]
    numbers = np.concatenate([np.asarray(part, float).round() for part in parts])
    return base64.b64encode(numbers.astype("<u2").tobytes()).decode()


def _edges(tree: Mapping[Path, Node]) -> dict[str, int]:
    """Which node is reached from which: "node.option" to the number of the next."""
    number = {path: n for n, path in enumerate(tree)}
    edges = {}
    for path, n in number.items():
        if path:
            before = path[:-1]
            option = tree[before].tokens.index(path[-1])
            edges[f"{number[before]}.{option}"] = n
    return edges
