"""What a model costs: operations, bytes kept and bytes held, by formula.

Each formula has an instrument beside it that counts the same in a run of the model, and
both agree to the last operation and byte. A FLOP is a multiplication or an addition of
a matrix product; what norms, softmax and SiLU compute is left out by everybody, the
counter of PyTorch too. Page: math/scaling-laws.
"""

import gc
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from insidegpt.model.config import GPTConfig

FLOAT_BYTES = 4
ID_BYTES = 8

# Parameters --------------------------------------------------------------------------


class Parameters(NamedTuple):
    """How many numbers training sets, by where they are."""

    matrices: int  # in the blocks: the N of Kaplan et al. 2020
    tables: int  # embedding, learned positions, unembedding if it isn't the embedding
    vectors: int  # of norms and biases

    @property
    def total(self) -> int:
        """All of them: the N of Hoffmann et al. 2022."""
        return self.matrices + self.tables + self.vectors


def parameters(config: GPTConfig) -> Parameters:
    """The sizes of all parameters of a model, added up."""
    c = config
    C, F, L, D = c.d_model, c.d_ff, c.n_layers, c.d_head
    q, kv = c.n_heads * D, c.n_kv_heads * D
    matrices = C * q + 2 * C * kv + q * C + (3 if c.mlp == "swiglu" else 2) * C * F
    norm = C * (2 if c.rms_eps is None and c.bias == "all" else 1)
    vectors = 2 * norm + (2 * D if c.qk_norm else 0)
    if c.bias != "none":
        vectors += q + 2 * kv
    if c.bias == "all":
        vectors += C + C + F * (2 if c.mlp == "swiglu" else 1)
    tables = c.vocab_size * C * (1 if c.tied else 2)
    tables += 0 if c.rope_base else c.context_tokens * C
    return Parameters(L * matrices, tables, L * vectors + norm)


# Operations --------------------------------------------------------------------------


def forward_flops(config: GPTConfig, *, rows: int, tokens: int) -> int:
    """Of reading ``rows`` texts of so many tokens, with logits after every token.

    A product of m x k and k x n numbers takes 2mkn. The T x T scores are counted whole,
    as the usual convention is, although half of them lie in the future.
    """
    c, n = config, rows * tokens
    products = parameters(c).matrices + c.vocab_size * c.d_model
    attention = 2 * c.n_layers * c.n_heads * c.d_head * tokens  # Q K' and A V
    return 2 * n * (products + attention)


def training_flops(
    config: GPTConfig, *, rows: int, tokens: int, recompute: bool = False
) -> int:
    """Of a forward pass and the gradients, without the optimizer.

    Z = X Y needs two products on the way back, dX = dZ Y' and dY = X' dZ, so that
    training takes three times the forward pass. recompute: blocks keep their input
    alone and are run once more on the way back (Chen et al. 2016).
    """
    forward = forward_flops(config, rows=rows, tokens=tokens)
    unembedding = 2 * rows * tokens * config.vocab_size * config.d_model
    return 3 * forward + (forward - unembedding if recompute else 0)


def counted_flops(run: Callable[[], object]) -> int:
    """What PyTorch counts while something runs; it can't see into fused attention."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


# Bytes -------------------------------------------------------------------------------


def state_bytes(config: GPTConfig, *, muon: bool = True) -> int:
    """Weights, their gradients, and what the optimizer remembers, in float32.

    AdamW keeps two numbers a parameter, Muon one; AdamW also counts the steps of each
    parameter, which is left out here as the few bytes that it is.
    """
    p = parameters(config)
    moments = (1 if muon else 2) * p.matrices + 2 * (p.tables + p.vectors)
    return FLOAT_BYTES * (2 * p.total + moments)


def activation_bytes(config: GPTConfig, *, rows: int, tokens: int) -> int:
    """What a forward pass keeps for the gradients of ``train.loss``, in float32.

    Of Llamas, with the fused attention of a CPU, which keeps no T x T scores, and keys
    and values once for a group of queries. ValueError for another shape.
    """
    c = config
    if c.rms_eps is None or c.rope_base is None or c.mlp != "swiglu":
        raise ValueError("This formula is of models with RMSNorm, RoPE and SwiGLU.")
    if c.unrotated_layers or c.bias != "none":
        raise ValueError("This formula is of models with rotated blocks and no bias.")
    C, H, K, F, D = c.d_model, c.n_heads, c.n_kv_heads, c.d_ff, c.d_head
    norm = 3 * C + 1  # its input, one over the size, the quotient, the scaled quotient
    normed = (H + K) * (2 * D + 1) if c.qk_norm else 0  # the same of queries and keys
    copies = 2 if H > 1 else 1  # of the mixture: by head, and with heads side by side
    attention = (1 + copies) * H * D + 2 * K * D + H  # q; k, v; softmax' denominators
    mlp = 4 * F  # gate, its SiLU, up, and what goes down
    block = 2 * norm + normed + attention + mlp
    a_token = c.n_layers * block + norm + c.vocab_size  # log-probabilities of all
    angles = 2 * tokens * D // 2  # cosines and sines, for all rows and layers
    floats = rows * tokens * a_token + angles + 1  # and the number of tokens
    return FLOAT_BYTES * floats + 2 * ID_BYTES * rows * tokens  # ids and targets


def peak_bytes(config: GPTConfig, *, rows: int, tokens: int, muon: bool = True) -> int:
    """The most that a training holds at one time, from its second step on.

    That is where the way back begins: weights, moments, activations, and twice as many
    numbers as there are logits, for their gradient is made in two steps. With few
    tokens it is where the optimizer steps, with all gradients there.
    """
    state = state_bytes(config, muon=muon)
    gradients = FLOAT_BYTES * parameters(config).total
    logits = FLOAT_BYTES * rows * tokens * config.vocab_size
    kept = activation_bytes(config, rows=rows, tokens=tokens)
    return max(state, state - gradients + kept + 2 * logits)


def saved_bytes(run: Callable[[], Tensor], model: nn.Module) -> int:
    """What autograd keeps of a forward pass, parameters not included."""
    kept: dict[int, Tensor] = {}  # by address: a tensor may be kept by several
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        address = tensor.untyped_storage().data_ptr()
        if address not in own:
            kept[address] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = run()
    del result
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


class Allocated(NamedTuple):
    """Bytes by PyTorch's own account of memory that was taken and given back."""

    held: int  # not given back at the end
    peak: int  # most at one time


def allocated(run: Callable[[], object]) -> Allocated:
    """What something takes of memory while it runs, and what its result holds."""
    gc.collect()  # so that nothing older is given back in between
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as notes:
        result = run()
    events = notes.profiler.kineto_results.events()
    changes = [event.nbytes() for event in events if event.name() == "[memory]"]
    del result
    held = peak = 0
    for change in changes:
        held += change
        peak = max(peak, held)
    return Allocated(held, peak)
