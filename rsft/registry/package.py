"""A policy as an MLflow model: a folder that answers without this project around it.

The model holds the Hugging Face folder, the source of ``rsft`` as it is now, and the versions of
the libraries that answering needs. MLflow's transformers flavor is not used: it cannot log a T5
under transformers 5.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import rsft
from rsft.addresses import one_line
from rsft.errors import RegistryError
from rsft.registry.records import Serving

_LIBRARIES = (
    "jinja2",
    "mlflow",
    "numpy",
    "pandas",
    "pydantic",
    "ruamel.yaml",
    "safetensors",
    "tokenizers",
    "torch",
    "transformers",
)
"""What ``pyfunc_model`` and the parts of ``rsft`` it uses import."""


PACKAGE_FILES = "files.json"
"""MD5 by path of the files in an MLflow model, but for the policy's: its code among them, which is
run where the model is loaded."""

_LATER = ("README.md", "registered_model_meta")
"""The model's card, and what MLflow leaves in a folder that it loads by the version's name."""


def write_model(folder: Path, *, policy: Path, serving: Serving, model_id: str, run_id: str) -> str:
    """Writes an MLflow model.

    Args:
        folder: Where to; it must not exist or be empty.
        policy: The policy's Hugging Face folder, which is copied.
        serving: How it answers.
        model_id: Id of MLflow's logged model that this becomes.
        run_id: Id of MLflow's run that made it.

    Returns:
        MD5 of ``PACKAGE_FILES``.
    """
    import pandas as pd
    from mlflow.models import Model, ModelSignature
    from mlflow.pyfunc import save_model
    from mlflow.types import ColSpec, DataType, Schema

    answer, completion, model = (
        ColSpec(DataType.string, name, required=name == "completion")
        for name in ("answer", "completion", "model")
    )
    save_model(
        path=str(folder),
        python_model=str(Path(__file__).with_name("pyfunc_model.py")),
        mlflow_model=Model(run_id=run_id, model_id=model_id, model_uuid=model_id),
        artifacts={"policy": str(policy.resolve())},
        code_paths=[str(Path(rsft.__file__).parent)],
        pip_requirements=[f"{name}=={_public_version(name)}" for name in _LIBRARIES],
        model_config=_config(serving),
        signature=ModelSignature(
            inputs=Schema([ColSpec(DataType.string, "question")]),
            outputs=Schema([answer, completion, model]),
        ),
        input_example=pd.DataFrame({"question": [serving.example]}),
    )
    listed = {name: _md5((folder / name).read_bytes()) for name in package_files(folder)}
    text = json.dumps(listed, indent=1)
    (folder / PACKAGE_FILES).write_text(text, encoding="utf-8")
    return _md5(text.encode())


def package_files(model: Path) -> list[str]:
    """The files of an MLflow model by path, without the policy's and those that come later."""
    paths = sorted(path.relative_to(model) for path in model.rglob("*") if path.is_file())
    return [
        path.as_posix()
        for path in paths
        if path.parts[0] != "artifacts"
        and "__pycache__" not in path.parts
        and str(path) not in (PACKAGE_FILES, *_LATER)
    ]


def policy_in(model: Path) -> Path:
    """The policy's folder in an MLflow model.

    Raises:
        RegistryError: Where it is no such model.
    """
    return model / str(_flavor(model)["artifacts"]["policy"]["path"])


def serving_in(model: Path) -> Mapping[str, Any]:
    """How the policy in an MLflow model answers: ``Serving`` by field, without the example."""
    config: Mapping[str, Any] = _flavor(model)["config"]
    return config


def _flavor(model: Path) -> Mapping[str, Any]:
    from mlflow.models import Model

    try:
        flavor: Mapping[str, Any] = Model.load(str(model)).flavors["python_function"]
        flavor["artifacts"]["policy"]["path"], flavor["config"]
    except Exception as error:  # noqa: BLE001  # MLflow reads it as YAML, which may be anything
        line = one_line(error)
        raise RegistryError(f"{model}/MLmodel is no model of ours ({line})") from None
    return flavor


def _config(serving: Serving) -> dict[str, Any]:
    config = dataclasses.asdict(serving)
    del config["example"]
    return config


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _public_version(name: str) -> str:
    """The installed version without its build (``+cpu``), which an index need not have."""
    return version(name).partition("+")[0]
