"""A registry in memory: versions, aliases and tags of one model, as MLflow's client tells them."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from rsft.errors import RegistryError


class FakeRegistry:
    """Stands for ``Registry`` and, as its own client, for ``MlflowClient``."""

    shown_uri = "sqlite:///fake"

    def __init__(self, name: str, versions: int) -> None:
        self.client = self
        self.name = name
        self.versions = list(range(1, versions + 1))
        self.aliases: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.refuses = False
        """Whether it lets nobody take an alias away."""

    @contextmanager
    def errors(self) -> Iterator[None]:
        yield

    def search_registered_models(self, _: str) -> list[SimpleNamespace]:
        return [SimpleNamespace(aliases=dict(self.aliases), tags=dict(self.tags))]

    def search_model_versions(self, _: str) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(name=self.name, version=str(version), tags={}, run_id="")
            for version in self.versions
        ]

    def set_registered_model_alias(self, _: str, alias: str, version: str) -> None:
        self.aliases[alias] = version

    def delete_registered_model_alias(self, _: str, alias: str) -> None:
        if self.refuses:
            raise RegistryError("refused")
        self.aliases.pop(alias, None)

    def set_registered_model_tag(self, _: str, key: str, value: str) -> None:
        self.tags[key] = value

    def delete_registered_model_tag(self, _: str, key: str) -> None:
        self.tags.pop(key, None)
