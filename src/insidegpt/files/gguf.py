"""Read a GGUF file: a header of metadata, a table of tensors, then their blocks.

The format is llama.cpp's: magic ``GGUF``, a version, two counts, the key-value pairs,
the tensor table, padding, data. We parse the header ourselves because the ``gguf``
package makes NumPy views of each of 98,000 strings, which takes seconds. The two block
formats that SmolLM2's file uses are unpacked here, on all cores; others are left to the
package. Page: appendix/weights-and-files.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

# GGUF's type codes. 8 is a string, 9 an array: both carry their length before them.
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?"}
SCALARS |= {10: "Q", 11: "q", 12: "d"}
STRING, ARRAY = 8, 9


@dataclass(frozen=True)
class TensorInfo:
    """One row of the tensor table."""

    shape: tuple[int, ...]  # rows first, as PyTorch writes it
    kind: int  # ggml's number of the storage format, 0 = float32, 3 = Q4_1, 8 = Q8_0
    offset_bytes: int  # from the start of the file


@dataclass(frozen=True)
class GGUF:
    """A parsed header; ``tensor`` reads one tensor's numbers."""

    path: Path
    metadata: dict[str, Any]
    tensors: dict[str, TensorInfo]

    def tensor(self, name: str) -> Tensor:
        """Tensor ``name`` as float32, dequantized if it was stored in blocks."""
        info = self.tensors[name]
        kind, count_bytes = _storage(info)
        with open(self.path, "rb") as file:
            file.seek(info.offset_bytes)
            data = torch.frombuffer(
                bytearray(file.read(count_bytes)), dtype=torch.uint8
            )
        if kind in UNPACK:
            return UNPACK[kind](data).view(info.shape)
        from gguf.quants import dequantize

        return torch.from_numpy(dequantize(data.numpy(), kind).copy()).view(info.shape)


def unpack_q8_0(data: UInt8[Tensor, " bytes"]) -> Float[Tensor, "blocks 32"]:
    """Blocks of 32 weights in 34 bytes: a float16 scale d, then 32 int8. w = d q."""
    blocks = data.view(-1, 34)
    scale = blocks[:, :2].view(torch.float16).float()  # (blocks, 1)
    return blocks[:, 2:].view(torch.int8) * scale


def unpack_q4_1(data: UInt8[Tensor, " bytes"]) -> Float[Tensor, "blocks 32"]:
    """Blocks of 32 weights in 20 bytes: float16 d and m, then 32 nibbles. w = d q + m.

    Byte i holds weight i in its low half and weight i + 16 in its high half.
    """
    blocks = data.view(-1, 20)
    scale = blocks[:, :2].view(torch.float16).float()  # (blocks, 1)
    least = blocks[:, 2:4].view(torch.float16).float()
    pairs = blocks[:, 4:]  # (blocks, 16)
    nibbles = torch.cat((pairs & 15, pairs >> 4), dim=1)  # (blocks, 32)
    return nibbles * scale + least


UNPACK = {
    0: lambda data: data.view(torch.float32),
    1: lambda data: data.view(torch.float16).float(),
    3: unpack_q4_1,
    8: unpack_q8_0,
    30: lambda data: data.view(torch.bfloat16).float(),
}


def read_gguf(path: str | Path) -> GGUF:
    """Parse the header of ``path``; no tensor is read yet.

    Raises ValueError if the file is not GGUF, was cut short or has an unknown type.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            return _read(file, path)
    except (struct.error, UnicodeDecodeError, MemoryError, OverflowError) as error:
        raise ValueError(
            f"{path.name} ends or breaks off inside its header: the file is truncated "
            "or corrupted, fetch it again."
        ) from error


def _read(file: BinaryIO, path: Path) -> GGUF:
    magic = file.read(4)
    if magic != b"GGUF":
        raise ValueError(
            f"{path.name} is not a GGUF file: it begins with {magic!r}, not b'GGUF'."
        )
    version, tensor_count, metadata_count = _unpack(file, "IQQ")
    if version not in (2, 3):
        raise ValueError(
            f"{path.name} is GGUF version {version}; only versions 2 and 3 are read."
        )
    metadata = {}
    for _ in range(metadata_count):
        key = _string(file)
        metadata[key] = _value(file, *_unpack(file, "I"))
    rows = [_tensor_row(file) for _ in range(tensor_count)]
    alignment = metadata.get("general.alignment", 32)
    if not isinstance(alignment, int) or alignment < 1:
        raise ValueError(
            f"{path.name} states an alignment of {alignment!r}, which is none: the "
            "file is corrupted."
        )
    start = -(-file.tell() // alignment) * alignment
    size_bytes = path.stat().st_size
    tensors = {}
    for name, shape, kind, offset in rows:
        tensors[name] = info = TensorInfo(shape, kind, start + offset)
        if info.offset_bytes + _storage(info)[1] > size_bytes:
            raise ValueError(
                f"{path.name} is truncated: tensor {name} should reach past its end "
                f"({size_bytes:,} bytes); fetch the file again."
            )
    return GGUF(path, metadata, tensors)


def _unpack(file: BinaryIO, codes: str) -> tuple:
    layout = "<" + codes
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


def _string(file: BinaryIO) -> str:
    (length,) = _unpack(file, "Q")
    data = file.read(length)
    if len(data) < length:
        raise struct.error("string cut short")
    return data.decode("utf-8")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == STRING:
        return _string(file)
    if kind == ARRAY:
        item, count = _unpack(file, "IQ")
        if item in SCALARS:
            return list(_unpack(file, f"{count}{SCALARS[item]}"))
        return [_value(file, item) for _ in range(count)]
    if kind not in SCALARS:
        raise ValueError(f"The GGUF header holds a value of unknown type {kind}.")
    return _unpack(file, SCALARS[kind])[0]


def _tensor_row(file: BinaryIO) -> tuple[str, tuple[int, ...], int, int]:
    name = _string(file)
    (dims,) = _unpack(file, "I")
    *sizes, kind, offset = _unpack(file, f"{dims}QIQ")
    return name, tuple(reversed(sizes)), kind, offset  # the file has columns first


def _storage(info: TensorInfo) -> tuple[Any, int]:
    """The storage format as gguf names it, and the tensor's size in bytes."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        kind = GGMLQuantizationType(info.kind)
    except ValueError as error:
        raise ValueError(
            f"A tensor is stored in format {info.kind}, which gguf does not know."
        ) from error
    block, block_bytes = GGML_QUANT_SIZES[kind]
    count = int(np.prod(info.shape, dtype=np.int64))
    return kind, count // block * block_bytes
