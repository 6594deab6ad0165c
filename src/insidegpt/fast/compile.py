"""``kernels.cpp`` as machine code: compiled for the machine at hand when it is wanted.

Page: code/fast-inference.
"""

import ctypes
import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

SOURCE = Path(__file__).with_name("kernels.cpp")
FLAGS = ("-O3", "-std=c++17", "-ffp-contract=off", "-shared", "-fPIC", "-w")
Int64, Pointer, Double = ctypes.c_int64, ctypes.c_void_p, ctypes.c_double


class Layer(ctypes.Structure):
    """One block's parameters, as the C++ has them; None for a null pointer."""

    names = ("norm1", "qkv", "bias", "qk_norm", "out", "norm2", "gate_up", "down")
    _fields_ = [*((name, Pointer) for name in names), ("rotary", Int64)]


class Blocks(ctypes.Structure):
    """All of them, and what they share: ``Model`` in the C++."""

    sizes = ("L", "C", "H", "K", "D", "d_ff", "bits")
    _fields_ = [(name, Int64) for name in sizes]
    _fields_ += [("eps", Double), ("cos", Pointer), ("sin", Pointer)]
    _fields_ += [("layers", ctypes.POINTER(Layer))]


@cache
def library() -> ctypes.CDLL:
    """The kernels for this machine: compiled in a second or two, once a process.

    Raises RuntimeError where no C++ compiler is found, or where it fails.
    """
    arm = platform.machine() in ("arm64", "aarch64")
    return build("-mcpu=native" if arm else "-march=native")


def build(tune: str) -> ctypes.CDLL:
    """Compile for the processors that ``tune`` names, and load."""
    names = (os.environ.get("CXX"), "c++", "g++", "clang++")
    compiler = next(filter(None, (n and shutil.which(n) for n in names)), None)
    if compiler is None:
        raise RuntimeError("There is no C++ compiler here: install g++ or clang.")
    with TemporaryDirectory() as directory:
        target = str(Path(directory, "kernels.so"))
        for threads in (["-fopenmp"], []):  # without OpenMP it runs on one thread
            command = [compiler, *FLAGS, tune, *threads, str(SOURCE), "-o", target]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0:
                return loaded(target)
    said = done.stderr.strip().splitlines() or ["it gave no reason"]
    reason = next((line for line in said if "error" in line), said[0])
    raise RuntimeError(f"{Path(compiler).name} can't compile kernels.cpp: {reason}.")


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
