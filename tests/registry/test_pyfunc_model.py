import ast
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from rsft.config import (
    FinetuneSection,
    LoraSection,
    RenderingSection,
    ScratchSection,
    TrainingSection,
)
from rsft.finetune import train
from rsft.policy import Policy, answer, build_scratch, save_policy
from rsft.registry.package import PACKAGE_FILES, package_files
from rsft.registry.records import Serving
from rsft.registry.store import Registry
from rsft.registry.versions import fetch, fetch_model
from tests.finetune.probes import rows_of

QUESTIONS = ["Ann has 12 pens and gets 1,030 more.", "Ann sleeps."]

LOAD = """
import json, sys
import mlflow, pandas
mlflow.set_tracking_uri(sys.argv[1])
mlflow.set_registry_uri(sys.argv[1])
questions = pandas.DataFrame(json.loads(sys.argv[2]))
models = [mlflow.pyfunc.load_model(uri) for uri in sys.argv[3:]]
answered = [model.predict(questions).to_dict("list") for model in models]
files = {n: m.__file__ for n, m in sys.modules.items() if n == "rsft" or n.startswith("rsft.")}
print(json.dumps([answered, files]))
"""

_NOT_A_USERS = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")


@pytest.fixture
def policy() -> Policy:
    training = TrainingSection(steps=1, batch_size=1, learning_rate=1.0)
    size = ScratchSection(
        d_model=32, d_ff=32, layers=1, heads=2, dropout=0, vocabulary=64, training=training
    )
    rendering = RenderingSection(number_slots=True)
    policy = build_scratch(size, rendering, QUESTIONS, ["n0 + n1 = r0"], seed=8)
    # An untrained T5 repeats its start token, which is no text; turned round, it says words.
    policy.model.decoder.final_layer_norm.weight.data.neg_()
    section = FinetuneSection(
        steps=2, batch_size=1, learning_rate=1e-3, lora=LoraSection(rank=2, alpha=4.0)
    )
    train(policy, rows_of([(QUESTIONS[0], "n0 + n1 = r0")]), section, seed=0)
    return policy


def _ask_elsewhere(registry: Registry, folder: Path, *model_uris: str):
    """Answers in a fresh process that has neither the checkout nor its folder on its path."""
    questions = json.dumps({"question": QUESTIONS})
    shown = subprocess.check_output(
        [sys.executable, "-P", "-c", LOAD, registry.tracking_uri, questions, *model_uris],
        cwd=folder,
        env={key: value for key, value in os.environ.items() if key not in _NOT_A_USERS},
        text=True,
    )
    return json.loads(shown.splitlines()[-1])


def test_a_loaded_model_answers_without_the_checkout_and_names_the_version_asked_for(
    registry: Registry, submit, policy: Policy, tmp_path: Path
) -> None:
    """A model may be several versions, and is none where it is loaded by its folder."""
    save_policy(policy, tmp_path / "policy")
    version = submit("m1", name="rsft-answers", policy=tmp_path / "policy")
    submit("m2", name="rsft-answers", policy=tmp_path / "policy")
    alone = submit("m3", name="rsft-alone", policy=tmp_path / "policy")
    registry.client.copy_model_version("models:/rsft-answers/1", "rsft-copied")
    registry.client.set_registered_model_alias("rsft-copied", "champion", "1")
    answered, files = _ask_elsewhere(
        registry,
        tmp_path,
        "models:/rsft-answers/1",
        "models:/rsft-answers@challenger",
        "models:/rsft-copied@champion",
        str(fetch_model(registry, alone)),
    )
    completions = answer(policy, QUESTIONS, max_new_tokens=16)
    assert all(completions)
    assert completions[0] != completions[1]
    assert [told.pop("model") for told in answered] == [
        ["rsft-answers/1"] * 2,
        ["rsft-answers/2"] * 2,
        ["rsft-copied/1"] * 2,
        [None] * 2,
    ]
    assert answered == [{"answer": [None, None], "completion": completions}] * 4
    model = fetch(registry, version).parents[1]
    assert all(Path(file).is_relative_to(model / "code") for file in files.values())
    listed = json.loads((model / PACKAGE_FILES).read_text())
    assert package_files(model) == list(listed), "loading leaves no bytecode beside the source"
    required = {
        re.split(r"[=.]", line)[0] for line in (model / "requirements.txt").read_text().split()
    }
    imported = set().union(*(_imports(Path(file)) for file in files.values()))
    assert imported - sys.stdlib_module_names - {"rsft"} <= required


def _imports(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    return {name.partition(".")[0] for name in names}


def test_a_question_that_cannot_be_read_is_the_askers_mistake(tiny_llama: Policy) -> None:
    import pandas as pd
    from mlflow.exceptions import MlflowException

    from rsft.registry.pyfunc_model import PolicyModel

    model = PolicyModel()
    model._policy, model._serving = tiny_llama, {"max_new_tokens": 4}
    questions = pd.DataFrame({"question": ["ann has pens", "pens " * 70]})
    with pytest.raises(MlflowException, match=r"has 71 tokens, .* reads at most 60") as refused:
        model.predict(None, questions)
    assert refused.value.get_http_status_code() == 400


def test_the_signature_and_example_are_for_questions(registry: Registry, submit) -> None:
    from mlflow.models import Model

    serving = Serving(max_new_tokens=9, is_worked=False, answer_marker="####", example="Why?")
    model = Model.load(str(fetch(registry, submit("m1", serving=serving)).parents[1]))
    assert model.signature.inputs.input_names() == ["question"]
    assert model.signature.outputs.input_names() == ["answer", "completion", "model"]
    assert model.flavors["python_function"]["config"] == {
        "max_new_tokens": 9,
        "is_worked": False,
        "answer_marker": "####",
    }
