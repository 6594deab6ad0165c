"""One function as machine code, compiled ahead of time for arguments of fixed shapes.

What ``torch.compile`` makes checks at each call that its assumptions still hold; thirty
times a token that costs more than compiling gains. Compiled ahead of time, nothing is
checked, so this is for a caller whose shapes can't change. Page: code/fast-inference.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree


class Flat(nn.Module):
    """``function`` with its parameters as a flat list of tensors after the rest."""

    def __init__(self, function: Callable, structure: pytree.TreeSpec) -> None:
        super().__init__()
        self.function, self.structure = function, structure

    def forward(self, arguments: list[Tensor], tensors: list[Tensor]) -> tuple:
        parameters = pytree.tree_unflatten(tensors, self.structure)
        return self.function(parameters, *arguments)


def specialize(
    function: Callable, parameters: Sequence[tuple], arguments: tuple[Tensor, ...]
) -> list[Callable]:
    """``function(parameters[i], ...)`` for each i, from one compilation.

    ``parameters`` are nested tuples of tensors, each of the same shapes; ``arguments``
    are examples of what the compiled functions will be called with. Takes seconds.
    Raises RuntimeError where there is no C++ compiler.
    """
    flat = [pytree.tree_leaves(p) for p in parameters]
    structure = pytree.tree_structure(parameters[0])
    examples = [a.clone() for a in arguments]  # views of one tensor would be merged
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.export.export(Flat(function, structure), (examples, flat[0]))
        package = torch._inductor.aoti_compile_and_package(program)
    loaded = torch._inductor.aoti_load_package(package, run_single_threaded=True)
    return [partial(_call, loaded.loader.boxed_run, tensors) for tensors in flat]


def _call(run: Callable, parameters: list[Tensor], *arguments: Tensor) -> list[Tensor]:
    return run([*arguments, *parameters])
