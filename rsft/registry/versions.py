"""Finding registered versions, and fetching what they hold."""

from pathlib import Path
from typing import Any

from rsft.errors import RegistryError
from rsft.registry.package import policy_in
from rsft.registry.records import ModelVersion
from rsft.registry.store import Registry

ANSWERS_TAG = "eval_answers"
"""Tag that names the artifact with a version's answers."""
EVAL_PROMPTS_TAG = "eval_prompts_md5"
"""Tag with the hash of the prompts they answer."""
PACKAGE_TAG = "package_md5"
"""Tag with the hash of the list of files of a version's MLflow model."""


def read_versions(registry: Registry, name: str) -> list[ModelVersion]:
    """All versions of a model, the first first; none where there is no such model."""
    aliases = _aliases(registry, name)
    return sorted(
        (_record(version, aliases) for version in _search(registry, name)),
        key=lambda version: version.version,
    )


def get_version(registry: Registry, name: str, version: int | str) -> ModelVersion:
    """A version by its number or by an alias.

    Raises:
        RegistryError: Where there is none.
    """
    if isinstance(version, str) and not version.isdecimal():
        found = _at_alias(registry, name, version)
    else:
        numbered = (v for v in _search(registry, name) if int(v.version) == int(version))
        found = next((_record(v, _aliases(registry, name)) for v in numbered), None)
    if found is None:
        known = [f"{name}/{v.version}" for v in _search(registry, name)]
        known += [f"{name}@{alias}" for alias in _aliases(registry, name)]
        separator = "/" if str(version).isdecimal() else "@"
        raise RegistryError(
            f"{name}{separator}{version}: no such model in {registry.shown_uri}; "
            f"there {'are: ' + ', '.join(known) if known else 'is none; `rsft run` makes one'}"
        )
    return found


def list_versions(registry: Registry, name: str) -> list[int]:
    """The numbers of a model's versions, in order."""
    return sorted(int(version.version) for version in _search(registry, name))


def find_version(registry: Registry, model: str) -> ModelVersion:
    """The version that ``NAME@ALIAS`` or ``NAME/VERSION`` names.

    Raises:
        RegistryError: Where it names none.
    """
    for separator in ("@", "/"):
        name, found, version = model.partition(separator)
        if found and name and version:
            return get_version(registry, name, version)
    raise RegistryError(f"{model!r} names no version; write NAME@ALIAS or NAME/VERSION")


def find_same(registry: Registry, name: str, model_md5: str) -> ModelVersion | None:
    """The latest version of the same weights, tokenizer and rendering, or None."""
    same = _search(registry, name, f" and tags.model_md5 = '{model_md5}'")
    if not same:
        return None
    return _record(max(same, key=lambda v: int(v.version)), _aliases(registry, name))


def fetch(registry: Registry, version: ModelVersion) -> Path:
    """A version's Hugging Face folder: in the local store itself, else a temporary copy."""
    return policy_in(fetch_model(registry, version))


def fetch_model(registry: Registry, version: ModelVersion, copies: Path | None = None) -> Path:
    """A version's MLflow model, which holds that folder and how it answers.

    Args:
        registry: Where it is. In a store on this machine it is the model itself.
        version: Which.
        copies: Folder for a copy of all of it from elsewhere; null: a temporary copy of what
            answers, without the code that the version brings, which is hundreds of files.
    """
    from mlflow.artifacts import download_artifacts

    with registry.errors():
        uri = registry.client.get_model_version_download_uri(version.name, str(version.version))
        where = {"tracking_uri": registry.tracking_uri}
        if uri.startswith(("file:", "/")):
            return Path(download_artifacts(uri, **where))
        if copies is not None:
            return Path(download_artifacts(uri, dst_path=str(copies), **where))
        folder = registry.temporary_folder()
        download_artifacts(f"{uri}/MLmodel", dst_path=str(folder), **where)
        policy = policy_in(folder)
        policy.parent.mkdir()
        path = policy.relative_to(folder)
        download_artifacts(f"{uri}/{path}", dst_path=str(policy.parent), **where)
    return folder


def _at_alias(registry: Registry, name: str, alias: str) -> ModelVersion | None:
    aliases = _aliases(registry, name)
    if alias not in aliases:
        return None
    return get_version(registry, name, aliases[alias])


def _aliases(registry: Registry, name: str) -> dict[str, int]:
    """Version by alias; a search for versions does not tell aliases."""
    with registry.errors():
        found = registry.client.search_registered_models(f"name = '{name}'")
    return {alias: int(v) for model in found for alias, v in model.aliases.items()}


def _search(registry: Registry, name: str, condition: str = "") -> list[Any]:
    with registry.errors():
        return list(registry.client.search_model_versions(f"name = '{name}'{condition}"))


def _record(version: Any, aliases: dict[str, int]) -> ModelVersion:
    number = int(version.version)
    return ModelVersion(
        name=version.name,
        version=number,
        aliases=tuple(sorted(alias for alias, v in aliases.items() if v == number)),
        tags=dict(version.tags),
        mlflow_run_id=version.run_id,
    )
