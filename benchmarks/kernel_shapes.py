"""Every shape that a packed product can be asked for: right, or refused, never wrong.

    python benchmarks/kernel_shapes.py           all N and K up to 200, some minutes
    ATEN_CPU_CAPABILITY=avx2 python benchmarks/kernel_shapes.py

PyTorch's kernel for eight bits gives wrong numbers or a segmentation fault where K is
no multiple of 16, and says nothing. Both packings are tried, and the C++ tiles.
"""

import sys

import torch
from tqdm import tqdm

from insidegpt.fast.cpp_engine import multiply
from insidegpt.fast.quantize import pack, packed_linear
from insidegpt.fast.tiles import pack_tiles, unpack_tiles


def check_shape(N: int, K: int) -> int:
    """AssertionError if a product of this shape is wrong; how many were refused."""
    g, refused = torch.Generator().manual_seed(1000 * N + K), 0
    w = torch.randint(-7, 8, (N, K), generator=g).float()
    x = torch.randint(-3, 4, (3, K), generator=g).float()
    for bits in (4, 8):
        try:
            packed = pack(w, bits=bits)
        except ValueError:
            refused += 1
        else:
            y = packed_linear(x.bfloat16(), packed).float()
            assert_close(y, x, packed.dense.float(), f"{N} x {K} in {bits} bits")
        try:
            tiles = pack_tiles(w, bits=bits)
        except ValueError:
            refused += 1
        else:
            y, stored = multiply(x, tiles), unpack_tiles(tiles)
            assert_close(y, x, stored, f"{N} x {K} in tiles of {bits} bits")
    return refused


def assert_close(y, x, w, what: str) -> None:
    """To a part of what the products sum to without signs."""
    assert (y - x @ w.T).abs().le(0.03 * (x.abs() @ w.abs().T) + 0.1).all(), what


def main() -> None:
    shapes = [(N, K) for K in range(1, 201) for N in range(1, 201)]
    refused = sum(check_shape(N, K) for N, K in tqdm(shapes, unit=" shapes"))
    print(f"{4 * len(shapes)} products: {refused} refused, the others right")
    print("capability:", torch.backends.cpu.get_cpu_capability())


if __name__ == "__main__":
    sys.exit(main())
