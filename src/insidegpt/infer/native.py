"""The model with its blocks in C++, compiled for the machine at hand.

``native.cpp`` beside this file says how it computes; here it is built, given its
weights, and put in a ``GPT``'s place. A row comes out the same to the bit, alone or in
a batch, in a prompt or after it, on one thread or many. Page: code/fast-inference.
"""

import ctypes
import logging
import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache as once
from functools import partial
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from insidegpt.infer.engine import Engine, check_family
from insidegpt.infer.generate import Model, new_cache
from insidegpt.infer.tiles import Tiles, pack_tiles, rows_of, unpack_tiles
from insidegpt.model.cache import KVCache
from insidegpt.model.gpt import GPT, check_ids
from insidegpt.model.rope import rope_angles

FLAGS = ("-O3", "-std=c++17", "-ffp-contract=off", "-shared", "-fPIC", "-w")
log = logging.getLogger(__name__)

Int64, Pointer, Double = ctypes.c_int64, ctypes.c_void_p, ctypes.c_double


class Layer(ctypes.Structure):
    """One block's parameters, as the C++ has them."""

    names = ("norm1", "qkv", "out", "norm2", "gate_up", "down")
    _fields_ = [(name, Pointer) for name in names]


class Blocks(ctypes.Structure):
    """All of them, and what they share: ``Model`` in the C++."""

    sizes = ("L", "C", "H", "K", "D", "d_ff", "bits")
    _fields_ = [(name, Int64) for name in sizes]
    _fields_ += [("eps", Double), ("cos", Pointer), ("sin", Pointer)]
    _fields_ += [("layers", ctypes.POINTER(Layer))]


@once
def library() -> ctypes.CDLL:
    """``native.cpp`` for this machine: compiled in a second or two, once a process.

    Raises RuntimeError where no C++ compiler is found, or none that can.
    """
    arm = platform.machine() in ("arm64", "aarch64")
    return build("-mcpu=native" if arm else "-march=native")


def build(tune: str) -> ctypes.CDLL:
    """Compile for the processors that ``tune`` names, and load."""
    names = (os.environ.get("CXX"), "c++", "g++", "clang++")
    compiler = next(filter(None, (n and shutil.which(n) for n in names)), None)
    if compiler is None:
        raise RuntimeError("There is no C++ compiler here: install g++ or clang.")
    source = resources.files("insidegpt.infer") / "native.cpp"
    with TemporaryDirectory() as directory, resources.as_file(source) as path:
        target = str(Path(directory, "native.so"))
        for threads in (["-fopenmp"], []):  # without OpenMP it runs on one thread
            command = [compiler, *FLAGS, tune, *threads, str(path), "-o", target]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0:
                return loaded(target)
    said = done.stderr.strip().splitlines() or ["it gave no reason"]
    reason = next((line for line in said if "error" in line), said[0])
    raise RuntimeError(f"{Path(compiler).name} can't compile native.cpp: {reason}.")


def loaded(path: str) -> ctypes.CDLL:
    """The library, with the types of its functions. RuntimeError if it won't load."""
    try:
        lib = ctypes.CDLL(path)
    except OSError as error:
        raise RuntimeError(f"What was compiled can't be loaded: {error}.") from error
    blocks = ctypes.POINTER(Blocks)
    lib.run_blocks.argtypes = [blocks, Int64, Pointer, Pointer]
    matrix, norm = [Int64, Pointer, Int64, Int64], [Pointer, Double]
    lib.multiply.argtypes = [*matrix, *norm, Int64, Pointer, Pointer]
    lib.run_blocks.restype = lib.multiply.restype = None
    return lib


def multiply(
    x: Float[Tensor, "rows K"],
    w: Tiles,
    norm: Float[Tensor, " K"] | None = None,
    *,
    eps: float = 0.0,
) -> Float[Tensor, "rows N"]:
    """x Wᵀ, with x rounded to two bytes in groups of 32, after RMSNorm if asked."""
    x, (N, K) = x.float().contiguous(), w.shape
    if x.shape[1] != K:
        raise ValueError(f"Rows of {x.shape[1]} do not fit a matrix of {N} x {K}.")
    if norm is not None:
        norm = norm.float().contiguous()
        if norm.shape != (K,):
            raise ValueError(
                f"A norm of {len(norm)} weights is not one for rows of {K}."
            )
    y = torch.empty(len(x), N)
    scale = None if norm is None else norm.data_ptr()
    matrix = w.bits, w.data.data_ptr(), N, K
    library().multiply(*matrix, scale, eps, len(x), x.data_ptr(), y.data_ptr())
    return y


class Native:
    """A Llama-family GPT in tiles of 4 or 8 bits; the embedding has 8.

    Raises ValueError for a model that can't be cut into tiles, RuntimeError without a
    compiler.
    """

    dtype = torch.float16  # of keys and values; what is in between is float32
    device = torch.device("cpu")
    most_rows = 256  # of a step

    def __init__(self, model: GPT, *, bits: int = 4) -> None:
        c = self.config = model.config
        self.bits = bits
        check_family(c)
        if model.device.type != "cpu":
            raise ValueError(
                f"The C++ runs on the CPU; the model is on {model.device}."
            )
        if c.d_head % 16:
            raise ValueError(f"Heads must be a multiple of 16 wide, not {c.d_head}.")
        self.run_blocks = library().run_blocks
        self.check = partial(check_ids, c)
        self.embedding = self.unembedding = pack_tiles(model.embed.weight, bits=8)
        if not c.tied:
            self.unembedding = pack_tiles(model.unembed.weight, bits=8)
        self.norm = model.norm.weight.detach().to(torch.float32, copy=True)
        self.parts: list[Tensor] = []  # all that the structures below point to
        positions = torch.arange(c.context_tokens)[None]
        angles = rope_angles(positions, c.d_head, base=c.rope_base, dtype=torch.float32)
        layers = [self.layer(block, bits) for block in model.blocks]
        self.blocks = Blocks(
            *(c.n_layers, c.d_model, c.n_heads, c.n_kv_heads, c.d_head, c.d_ff, bits),
            *(c.rms_eps, *map(self.keep, angles)),
            (Layer * c.n_layers)(*layers),
        )

    def layer(self, block: torch.nn.Module, bits: int) -> Layer:
        """A block's parameters, packed; those that read the same input in one."""
        a, mlp = block.attention, block.mlp

        def pack(*matrices: torch.nn.Linear) -> int:
            joined = torch.cat([m.weight for m in matrices])
            return self.keep(pack_tiles(joined, bits=bits).data)

        norm1, norm2 = self.keep(block.norm1.weight), self.keep(block.norm2.weight)
        qkv, gate_up = pack(a.query, a.key, a.value), pack(mlp.gate, mlp.up)
        return Layer(norm1, qkv, pack(a.out), norm2, gate_up, pack(mlp.down))

    def keep(self, tensor: Tensor) -> int:
        """Its address, good as long as this object lives."""
        if tensor.is_floating_point():  # a copy: the model's own may change or go
            tensor = tensor.detach().to(torch.float32, copy=True)
        self.parts.append(tensor.contiguous())
        return self.parts[-1].data_ptr()

    def hidden(
        self,
        ids: Int[Tensor, "B T"],
        *,
        cache: KVCache | None = None,
        valid: Bool[Tensor, "B S"] | None = None,
    ) -> Float[Tensor, "B T C"]:
        """The residual stream after the last block; arguments as in ``GPT.hidden``.

        Padding must be on the left, where ``generate.pad_left`` puts it.
        """
        B, T = ids.shape
        cache = cache or new_cache(self, batch=B, max_tokens=T)
        first = [0] * B if valid is None else padding(valid, cache.tokens + T)
        self.check(ids, cache.tokens)
        self.check_cache(cache)
        places = [place(cache, T, text=b, first=first[b]) for b in range(B)]
        x = self.run(ids.flatten(), torch.cat(places))
        cache.advance(T)
        return x.view(B, T, -1)

    def step(
        self,
        ids: Int[Tensor, " rows"],
        caches: Sequence[KVCache],
        counts: Sequence[int] | None = None,
    ) -> Float[Tensor, "rows V"]:
        """The next tokens of several texts; logits after each. As ``Engine.step``."""
        counts = list(counts or [1] * len(caches))
        for rows, cache in zip(ids.split(counts), caches, strict=True):
            self.check(rows[None], cache.tokens)
            self.check_cache(cache)
        places = [place(c, n) for c, n in zip(caches, counts, strict=True)]
        x = self.run(ids, torch.cat(places))
        for cache, count in zip(caches, counts, strict=True):
            cache.advance(count)
        return self.logits(x)

    def check_cache(self, cache: KVCache) -> None:
        """Raise ValueError for one of another model: the C++ would write beside it.

        That another form of the model has filled it can't be seen; don't mix them.
        """
        c, keys = self.config, cache.keys[0]
        shape = len(cache.keys), keys.shape[1], keys.shape[3]
        if shape != (c.n_layers, c.n_kv_heads, c.d_head) or keys.dtype != self.dtype:
            raise ValueError(
                f"The cache must be one that new_cache makes for this model, of "
                f"{self.dtype}, not one of {keys.dtype} for {shape[0]} layers."
            )

    def run(
        self, ids: Int[Tensor, " rows"], places: Int[Tensor, "rows 7"]
    ) -> Float[Tensor, "rows C"]:
        x = rows_of(self.embedding, ids).contiguous()
        blocks = ctypes.byref(self.blocks)
        self.run_blocks(blocks, len(x), places.data_ptr(), x.data_ptr())
        return x

    def logits(self, x: Float[Tensor, "*any C"]) -> Float[Tensor, "*any V"]:
        """Final norm and unembedding."""
        rows, eps = x.reshape(-1, x.shape[-1]), self.config.rms_eps
        y = multiply(rows, self.unembedding, self.norm, eps=eps)
        return y.view(*x.shape[:-1], -1)

    @property
    def weight_bytes(self) -> int:
        """What one token of decoding reads."""
        matrices = [part for part in self.parts if part.dtype == torch.uint8]
        return sum(part.nbytes for part in (*matrices, self.unembedding.data))


def place(
    cache: KVCache, tokens: int, *, text: int = 0, first: int = 0
) -> Int[Tensor, "T 7"]:
    """Where the next tokens of a text belong: ``Row`` in the C++, one for each.

    ``first``: where the text begins; what lies before is padding and sees itself. Keys
    lie in the cache in an order of the C++'s own.
    """
    keys, values = cache.keys[0][text], cache.values[0][text]  # (K, room, D)
    here = torch.arange(cache.tokens, cache.end(tokens))
    start = here.clamp(max=first)
    memory = keys.data_ptr(), values.data_ptr(), cache.keys[0].numel(), keys.stride(0)
    columns = [torch.full_like(here, number) for number in memory]
    return torch.stack((*columns, here - start, start, here), dim=1)


def padding(valid: Bool[Tensor, "B S"], tokens: int) -> list[int]:
    """How many tokens of each row are padding; ValueError unless all on the left."""
    if valid.shape[1] != tokens or (valid[:, 1:] < valid[:, :-1]).any():
        raise ValueError(
            f"valid must cover all {tokens} positions, padding on the left alone."
        )
    return valid.logical_not().sum(1).tolist()


def fastest(model: GPT, *, bits: int | None = None) -> Model:
    """The fastest form of a model that can be had here: Native, Engine or itself.

    bits: of the weights, 4 or 8; if not given, 4 where that changes none (judged by
    one matrix), else 8.
    """
    if bits not in (None, 4, 8):
        raise ValueError(f"bits must be 8 or 4, not {bits}.")
    if bits is None:
        bits = 4 if fits(model) else 8
    for form in (Native, Engine):
        try:
            return form(model, bits=bits)
        except RuntimeError as error:
            log.warning("%s Without it decoding is slower.", error)
        except ValueError:  # of another family, or of odd shape
            continue
    return model


def fits(model: GPT) -> bool:
    """Whether four bits hold the weights exactly, judged by the first block."""
    w = model.blocks[0].attention.out.weight
    try:
        return torch.equal(unpack_tiles(pack_tiles(w, bits=4)), w)
    except ValueError:
        return False
