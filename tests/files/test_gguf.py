"""The GGUF reader, against the gguf package and against files broken on purpose."""

import struct

import numpy as np
import pytest
import torch
from gguf import GGUFWriter
from gguf.constants import GGMLQuantizationType as Kind
from gguf.quants import dequantize, quantize

from insidegpt.files.gguf import read_gguf, unpack_q4_1, unpack_q8_0
from insidegpt.files.locate import smollm2_gguf


@pytest.fixture
def small(tmp_path):
    """A GGUF with one value of each sort and one tensor in each of four formats."""
    path = tmp_path / "small.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_uint32("a.count", 7)
    writer.add_float32("a.float", 0.5)
    writer.add_bool("a.flag", True)
    writer.add_string("a.text", "weiß 天")
    writer.add_array("a.list", ["x", "yz"])
    writer.add_array("a.numbers", [1, 2, 3])
    data = np.linspace(-1, 1, 4 * 64, dtype=np.float32).reshape(4, 64)
    writer.add_tensor("plain", data)
    for kind in (Kind.Q8_0, Kind.Q4_1, Kind.Q4_0):
        writer.add_tensor(kind.name, quantize(data, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_metadata_of_every_sort_is_read(small):
    meta = read_gguf(small).metadata
    assert meta["a.count"] == 7 and meta["a.float"] == 0.5 and meta["a.flag"] is True
    assert meta["a.text"] == "weiß 天"
    assert meta["a.list"] == ["x", "yz"] and meta["a.numbers"] == [1, 2, 3]


@pytest.mark.parametrize("name", ["plain", "Q8_0", "Q4_1", "Q4_0"])
def test_tensors_equal_the_gguf_package(small, name):
    gguf = read_gguf(small)
    data = np.linspace(-1, 1, 4 * 64, dtype=np.float32).reshape(4, 64)
    if name != "plain":
        data = dequantize(quantize(data, Kind[name]), Kind[name])
    assert torch.equal(gguf.tensor(name), torch.from_numpy(data))


def test_q8_0_block_by_hand():
    """d = 0.5, q = 0, 1, .., 31 gives w = 0, 0.5, .., 15.5."""
    block = struct.pack("<e32b", 0.5, *range(32))
    data = torch.frombuffer(bytearray(block), dtype=torch.uint8)
    assert torch.equal(unpack_q8_0(data), torch.arange(32)[None] * 0.5)


def test_q4_1_block_by_hand():
    """d = 2, m = -1; byte i holds i and 15 - i: w = 2 i - 1 and 2 (15 - i) - 1."""
    nibbles = [i | (15 - i) << 4 for i in range(16)]
    block = struct.pack("<ee16B", 2.0, -1.0, *nibbles)
    data = torch.frombuffer(bytearray(block), dtype=torch.uint8)
    i = torch.arange(16)
    assert torch.equal(unpack_q4_1(data)[0], torch.cat((2 * i - 1, 29 - 2 * i)).float())


def test_smollm2_header_names_its_272_tensors():
    gguf = read_gguf(smollm2_gguf())
    assert len(gguf.tensors) == 272
    assert gguf.tensors["token_embd.weight"].shape == (49152, 576)


def test_every_truncation_is_one_sentence(small, tmp_path):
    data = small.read_bytes()
    cut = tmp_path / "cut.gguf"
    for size in [*range(0, 400, 7), len(data) // 2, len(data) - 40]:
        cut.write_bytes(data[:size])
        with pytest.raises(ValueError, match="truncated|not a GGUF"):
            read_gguf(cut)


def test_a_wild_length_in_the_header_is_refused(small, tmp_path):
    data = bytearray(small.read_bytes())
    data[24:32] = struct.pack("<Q", 2**62)  # length of the first key
    wild = tmp_path / "wild.gguf"
    wild.write_bytes(data)
    with pytest.raises(ValueError, match="truncated or corrupted"):
        read_gguf(wild)


def test_another_version_is_refused(small, tmp_path):
    data = bytearray(small.read_bytes())
    data[4:8] = struct.pack("<I", 9)
    other = tmp_path / "other.gguf"
    other.write_bytes(data)
    with pytest.raises(ValueError, match="version 9"):
        read_gguf(other)
