"""Whether stages got the settings of the ``params.yaml`` that is pinned with them."""

from collections.abc import Iterator, Mapping
from typing import Any

from rsft.audit.case import SETTINGS, Case
from rsft.audit.findings import Findings

_ABSENT = "nothing"


def check_settings(case: Case, findings: Findings) -> None:
    """Holds the settings of each stage, and those of the manifest, against ``params.yaml``."""
    for name, stage in case.lock.items():
        if name not in case.stages:
            continue  # left in the lock by a run with more rounds
        got = {key.removeprefix(SETTINGS): value for key, value in stage.params.items()}
        findings.checked["settings"] += len(got)
        for key, value, pinned in differing_settings(got, case.settings):
            findings.add(
                "settings",
                f"{case.run.tag}: {key} in params.yaml, and as stage {name} got it",
                expected=str(pinned),
                found=str(value),
                remedy="the stage did not get what params.yaml says; run again",
            )
    claimed = dict(_leaves(case.run.manifest.get("params", {})))
    for key, value in _leaves(case.settings):
        if key in claimed:
            findings.compare(
                "settings",
                f"{case.run.tag}: {key} in params.yaml, and in the manifest",
                expected=value,
                found=claimed[key],
                remedy="the manifest was edited, or the run got other settings; run again",
            )


def differing_settings(
    recorded: Mapping[str, Any], settings: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """Key, recorded and present value of each setting in recorded ones that is another now."""
    for key, value in recorded.items():
        now = _value(settings, key)
        before, after = dict(_leaves({key: value})), dict(_leaves({key: now}))
        for leaf in sorted(before.keys() | after.keys()):
            if before.get(leaf, _ABSENT) != after.get(leaf, _ABSENT):
                yield leaf, before.get(leaf, _ABSENT), after.get(leaf, _ABSENT)


def _value(settings: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key; None where there is none, as DVC has it."""
    value: Any = settings
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def _leaves(section: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Value by dotted key of all that is no section, or an empty one."""
    if not isinstance(section, Mapping) or not section:
        yield prefix.removesuffix("."), section
        return
    for key, value in section.items():
        yield from _leaves(value, f"{prefix}{key}.")
