"""Bytes are counted where they arrive, all of them, and nothing else."""

import os
import socket
import sys

import pytest

from insidegpt.measure.traffic import received_bytes

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")


@pytest.fixture
def connection():
    with socket.create_server(("127.0.0.1", 0)) as server:
        here = socket.create_connection(server.getsockname())
        there, _ = server.accept()
        with here, there:
            yield here, there


@linux
@pytest.mark.parametrize("size", [1, 1000, 300_000])
def test_what_was_sent_is_what_was_received(connection, size):
    here, there = connection
    before = received_bytes()
    here.sendall(bytes(size))
    left = size
    while left:
        left -= len(there.recv(left))
    assert received_bytes() - before == size


@linux
def test_files_and_closed_connections_count_for_nothing(tmp_path, connection):
    here, there = connection
    here.sendall(b"gone")
    there.recv(4)
    before = received_bytes()
    with open(tmp_path / "file", "wb") as file:
        file.write(bytes(1000))
        assert received_bytes() == before
    there.close(), here.close()
    assert received_bytes() == before - 4


@linux
def test_counting_leaves_nothing_open(connection):
    before = os.listdir("/proc/self/fd")
    for _ in range(3):
        received_bytes()
    assert os.listdir("/proc/self/fd") == before


def test_other_systems_do_not_tell(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert received_bytes() == 0
