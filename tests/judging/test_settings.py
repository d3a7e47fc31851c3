"""What a judge's files may say, and what is refused by name before anything is opened."""

import json
import shutil
from pathlib import Path

import open_clip
import pytest
import torch

from synthgen.errors import ModelError, SynthgenError, UsageError
from synthgen.judging.clip import Clip
from synthgen.models.judge_settings import check_folder
from tests.judging.hostile import ASKS, CONFIG, TOKENIZER, spoil

CPU = torch.device("cpu")


@pytest.fixture
def folder(judge_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(judge_folder, tmp_path / "judge"))


def opened(folder: Path) -> None:
    Clip(f"local-dir:{folder}", CPU)


@pytest.mark.parametrize("name", ASKS)
def test_what_a_judge_may_not_ask_for_is_refused_with_file_and_key(folder: Path, tmp_path: Path, name: str) -> None:
    ask, mark = ASKS[name], tmp_path / "PWNED"
    spoil(folder, ask, mark)
    with pytest.raises(UsageError, match="is refused") as refused:
        opened(folder)
    assert f"{folder / ask.file}: " in refused.value.message
    assert ask.key in refused.value.message
    assert not mark.exists()


def test_a_tokenizer_of_another_repository_is_not_looked_for_where_the_judge_has_none(folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    config["model_cfg"]["text_cfg"]["hf_tokenizer_name"] = "owner/code"
    (folder / CONFIG).write_text(json.dumps(config))
    opened(folder)  # its own tokenizer is there: whatever the name, no other is opened
    (folder / "tokenizer.json").unlink()
    (folder / TOKENIZER).unlink()
    with pytest.raises(UsageError, match=r"open_clip_config\.json: model_cfg\.text_cfg\.hf_tokenizer_name.*owner/code"):
        opened(folder)


@pytest.mark.parametrize("name", ["open_clip_pytorch_model.bin", "a.pth", ".hidden.safetensors"])
def test_weights_that_are_a_pickle_or_are_not_hashed_are_not_opened(folder: Path, name: str) -> None:
    shutil.copy(folder / "open_clip_model.safetensors", folder / name)
    opened(folder)  # the safetensors go before them
    (folder / "open_clip_model.safetensors").rename(folder / "model.safetensors")
    with pytest.raises(UsageError, match=name):
        opened(folder)
    (folder / name).unlink()
    opened(folder)


def test_what_open_clip_itself_writes_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "open_clip_model.safetensors").touch()
    (tmp_path / TOKENIZER).write_text('{"tokenizer_class": "T5TokenizerFast", "vocab_file": null}')
    for name in open_clip.list_models():
        config = open_clip.get_model_config(name)
        config["text_cfg"].pop("hf_model_name", None)  # another repository's text tower
        (tmp_path / CONFIG).write_text(
            json.dumps({"model_cfg": config, "preprocess_cfg": {"size": [224, 224], "a": 1}})
        )
        assert check_folder(tmp_path) is ("hf_tokenizer_name" in config["text_cfg"]), name


@pytest.mark.parametrize("file", [CONFIG, TOKENIZER])
@pytest.mark.parametrize("content", ["", "[]", "[" * 200_000, "\xff", '{"model_cfg": 5}', '{"x": 1}' + " " * (1 << 22)])
def test_broken_or_endless_files_end_in_an_error_that_names_the_judge(folder: Path, file: str, content: str) -> None:
    (folder / file).write_bytes(content.encode("latin-1"))
    if file == TOKENIZER and content.startswith('{"model'):
        opened(folder)
        return
    with pytest.raises(SynthgenError, match=r"judge local-dir:.* (cannot be loaded|is refused)"):
        opened(folder)


@pytest.mark.parametrize(
    ("key", "value"), [("heads", 3), ("heads", 0), ("width", 10**30), ("pool_type", "\x1b[31m"), ("layers", -1)]
)
def test_settings_that_make_no_model_are_a_model_error(folder: Path, key: str, value: object) -> None:
    config = json.loads((folder / CONFIG).read_text())
    config["model_cfg"]["text_cfg"][key] = value
    (folder / CONFIG).write_text(json.dumps(config))
    with pytest.raises(ModelError, match="cannot be loaded"):
        opened(folder)


@pytest.mark.parametrize("key", ["mean", "std", "size"])
def test_preprocessing_of_the_wrong_type_is_refused(folder: Path, key: str) -> None:
    config = json.loads((folder / CONFIG).read_text())
    config["preprocess_cfg"][key] = "half"
    (folder / CONFIG).write_text(json.dumps(config))
    with pytest.raises(UsageError, match=rf"preprocess_cfg\.{key}"):
        opened(folder)


def test_a_name_that_open_clip_does_not_list_is_no_file_of_weights(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "weights.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="open_clip does not list it"):
        Clip("ViT-B-32/weights.bin", CPU)


def test_a_folder_does_not_stand_in_for_a_model_that_open_clip_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "xlm-roberta-base").mkdir()
    with pytest.raises(UsageError, match="would be opened in its place"):
        Clip("xlm-roberta-base-ViT-B-32/laion5b_s13b_b90k", CPU)
