"""A policy as an MLflow model: a folder that answers without this project around it.

The model holds the Hugging Face folder, the source of ``rsft`` as it is now, and the versions of
the libraries that answering needs. MLflow's transformers flavor is not used: it cannot log a T5
under transformers 5.
"""

import dataclasses
import hashlib
import json
import shutil
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
    for place in _searched(folder):
        _bar_bytecode(place)
    listed = {name: _md5((folder / name).read_bytes()) for name in package_files(folder)}
    text = json.dumps(listed, indent=1)
    (folder / PACKAGE_FILES).write_text(text, encoding="utf-8")
    return _md5(text.encode())


def package_files(model: Path) -> list[str]:
    """The files of an MLflow model by path, without the policy's and those that come later.

    A link is one, also to a folder: what lies behind it is loaded as if it lay here.
    """
    found = (path for path in model.rglob("*") if path.is_file() or path.is_symlink())
    paths = sorted(path.relative_to(model) for path in found)
    return [
        path.as_posix()
        for path in paths
        if path.parts[0] != "artifacts" and str(path) not in (PACKAGE_FILES, *_LATER)
    ]


def _searched(model: Path) -> list[Path]:
    """Folders of an MLflow model that Python loads source from."""
    code = model / "code"
    return [model, code, *(path for path in sorted(code.rglob("*")) if path.is_dir())]


def _bar_bytecode(folder: Path) -> None:
    """Puts a file where Python would keep bytecode, so that it compiles the source each time.

    It takes bytecode for the source by time and size alone; what loading leaves there could not
    be told from what somebody put there.
    """
    cache = folder / "__pycache__"
    shutil.rmtree(cache, ignore_errors=True)
    cache.touch()


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
