import copy
import json
import shutil
from pathlib import Path

import pytest
import torch

from rsft.config import BaseSection, RenderingSection
from rsft.errors import ConfigurationError, PolicyError
from rsft.policy import Policy, fetch_base, fetch_policy, load_policy, save_policy
from tests.policy.families import build


@pytest.fixture
def folder(tiny_t5, tmp_path) -> Path:
    save_policy(tiny_t5, tmp_path / "model")
    return tmp_path / "model"


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_version_knows_stop_tokens_and_configuration(tiny_llama: Policy) -> None:
    policy = copy.deepcopy(tiny_llama)
    version = policy.version
    assert version == tiny_llama.version
    policy.model.generation_config.eos_token_id = [2, 5]
    assert policy.version != version
    policy.model.generation_config.eos_token_id = 2
    policy.model.config.rms_norm_eps *= 2
    assert policy.version != version


def test_a_cap_that_leaves_no_room_is_refused(tiny_llama: Policy) -> None:
    assert tiny_llama.prompt_limit(60) == 4
    with pytest.raises(PolicyError, match="max_new_tokens = 64 is more than the policy has room"):
        tiny_llama.prompt_limit(64)
    bart = build("bart")
    assert bart.prompt_limit(64) == 64
    with pytest.raises(PolicyError, match="max_new_tokens = 65 is more than"):
        bart.prompt_limit(65)


@pytest.mark.parametrize("name", ["tiny_t5", "tiny_llama"])
def test_saved_loaded_and_saved_again_is_byte_identical(name, request, tmp_path):
    policy = request.getfixturevalue(name)
    save_policy(policy, tmp_path / "a")
    loaded = load_policy(tmp_path / "a")
    save_policy(loaded, tmp_path / "elsewhere" / "b")
    assert contents(tmp_path / "a") == contents(tmp_path / "elsewhere" / "b")
    assert loaded.version == policy.version
    assert loaded.rendering == policy.rendering
    assert not loaded.model.training


def test_version_follows_weights_and_rendering(folder):
    policy = load_policy(folder)
    before = policy.version
    with torch.no_grad():
        policy.model.shared.weight[3, 3] += 1e-6
    assert policy.version != before
    (folder / "rendering.json").unlink()
    assert load_policy(folder).version not in (before, policy.version)


def test_loading_prints_nothing(folder, capfd):
    load_policy(folder)
    assert capfd.readouterr() == ("", "")


def test_a_folder_without_rendering_takes_prompts_as_they_are(folder):
    (folder / "rendering.json").unlink()
    assert load_policy(folder).rendering == RenderingSection()


def test_missing_folder(tmp_path):
    with pytest.raises(PolicyError, match="nowhere: no such folder"):
        load_policy(tmp_path / "nowhere")


def test_folder_that_is_no_model(tmp_path):
    with pytest.raises(PolicyError, match=r"no config\.json"):
        load_policy(tmp_path)


def test_pickled_weights_are_refused(folder, tiny_t5):
    (folder / "model.safetensors").unlink()
    torch.save(tiny_t5.model.state_dict(), folder / "pytorch_model.bin")
    with pytest.raises(PolicyError, match="pickled weights are not read"):
        load_policy(folder)


def test_unknown_architecture(folder):
    config = json.loads((folder / "config.json").read_text()) | {"model_type": "t7"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(PolicyError, match=r"cannot be loaded .*t7"):
        load_policy(folder)


def test_code_that_came_with_a_model_is_not_run(folder, tmp_path):
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "evil.Config"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(PolicyError, match="cannot be loaded"):
        load_policy(folder)
    assert not (tmp_path / "ran").exists()


def test_cut_weights(folder):
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(PolicyError, match="cannot be loaded"):
        load_policy(folder)


def test_missing_weights_are_never_made_up(folder):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    del weights["decoder.final_layer_norm.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(PolicyError, match=r"1 weights are missing \(decoder\.final_layer_norm"):
        load_policy(folder)


def test_missing_tokenizer(folder):
    (folder / "tokenizer.json").unlink()
    with pytest.raises(PolicyError, match="no tokenizer in it"):
        load_policy(folder)


def test_no_stop_token(tiny_llama, tmp_path):
    save_policy(tiny_llama, tmp_path)
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        settings = json.loads((tmp_path / name).read_text())
        settings |= {"eos_token_id": None} if "tokenizer" not in name else {"eos_token": None}
        (tmp_path / name).write_text(json.dumps(settings))
    with pytest.raises(PolicyError, match="no stop token"):
        load_policy(tmp_path)


def test_broken_rendering(folder):
    (folder / "rendering.json").write_text('{"templat": "{prompt}"}')
    with pytest.raises(PolicyError, match=r"rendering\.json: templat: "):
        load_policy(folder)


def test_every_stop_token_counts(tiny_llama):
    copy = type(tiny_llama)(
        model=tiny_llama.model, tokenizer=tiny_llama.tokenizer, rendering=tiny_llama.rendering
    )
    tiny_llama.model.generation_config.eos_token_id = [2, 5]
    try:
        assert copy.eos_ids == {2, 5}
        assert copy.stop_id == 2
        assert copy.pad_id not in copy.eos_ids
    finally:
        tiny_llama.model.generation_config.eos_token_id = 2


def test_a_base_folder_takes_the_configured_rendering(tiny_t5, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_policy(tiny_t5, Path("data/raw/model"))
    rendering = RenderingSection(template="Q: {prompt}")
    section = BaseSection(model="data/raw/model", rendering=rendering)
    assert fetch_base(section).rendering == rendering


def test_a_base_folder_that_is_not_one():
    with pytest.raises(PolicyError, match="data/raw/gone: no such folder"):
        fetch_base(BaseSection(model="data/raw/gone"))


def test_hub_that_cannot_be_reached(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(PolicyError, match=r"^someone/some-model: cannot be loaded") as caught:
        fetch_base(BaseSection(model="someone/some-model"))
    assert "\n" not in str(caught.value)


def test_a_copied_folder_is_the_same_policy(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "copy")
    assert load_policy(tmp_path / "copy").version == load_policy(folder).version


def test_a_policy_that_the_settings_name_is_rendered_as_they_or_its_folder_say(
    tiny_t5, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    save_policy(tiny_t5, Path("data/raw/model"))
    own = fetch_policy("data/raw/model", None, None, setting="score.target_model")
    assert own.rendering == tiny_t5.rendering != RenderingSection()
    other = RenderingSection(template="Q: {prompt}")
    told = fetch_policy("data/raw/model", None, other, setting="score.target_model")
    assert told.rendering == other


def test_a_policy_that_lies_where_dvc_does_not_look_is_refused(tiny_t5, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_policy(tiny_t5, Path("models/a"))
    with pytest.raises(ConfigurationError, match=r"^score\.target_model\.model = 'models/a': "):
        fetch_policy("models/a", None, None, setting="score.target_model")


def test_room_is_for_prompt_and_completion_together_but_in_encoder_decoders(tiny_llama):
    assert tiny_llama.has_room(60, 4)
    assert not tiny_llama.has_room(61, 4)
    bart = build("bart")
    assert bart.has_room(64, 64)
    assert not bart.has_room(65, 1)
    assert not bart.has_room(1, 65)
