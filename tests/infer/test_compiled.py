"""Compiled functions: each with its own parameters, from one compilation."""

from typing import NamedTuple

import torch

from insidegpt.infer.compiled import specialize


class Line(NamedTuple):
    slope: torch.Tensor
    shift: torch.Tensor


def pair_of_lines(lines, x, y):
    first, second = lines
    return x * first.slope + first.shift, y * second.slope + second.shift


def test_each_function_has_its_own_parameters():
    """2x + 1 and 3y - 1; then 10x and y + 5: at x = y = 4: 9 and 11, 40 and 9. The
    examples are one and the same tensor, which must not make x and y one argument."""

    def line(slope, shift):
        return Line(torch.full((1, 3), slope), torch.full((1, 3), shift))

    lines = [(line(2.0, 1.0), line(3.0, -1.0)), (line(10.0, 0.0), line(1.0, 5.0))]
    example = torch.zeros(1, 3)
    functions = specialize(pair_of_lines, lines, (example, example))
    x, y = torch.full((1, 3), 4.0), torch.full((1, 3), 4.0)
    assert [out[0, 0].item() for out in functions[0](x, y)] == [9.0, 11.0]
    assert [out[0, 0].item() for out in functions[1](x, y)] == [40.0, 9.0]
    assert functions[0](x, 2 * y)[1][0, 0].item() == 23.0
