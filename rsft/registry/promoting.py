"""Promoting a challenger: the alias moves, and the version says who decided, when and why.

MLflow keeps no history of an alias, so the decision is written on the version, also where it was
against promotion.
"""

from datetime import UTC, datetime

from rsft.errors import RegistryError
from rsft.registry.records import CHALLENGER, CHAMPION, Decision, ModelVersion
from rsft.registry.store import Registry
from rsft.registry.versions import champion, get_version


def promote(registry: Registry, version: ModelVersion, decision: Decision) -> ModelVersion:
    """Records a decision, and makes the version the champion where it says so.

    Args:
        registry: Where.
        version: The challenger.
        decision: What was decided, against which champion.

    Returns:
        The version as it now is.

    Raises:
        RegistryError: Where another champion than the one compared with is in service by now, or
            the store cannot be used.
    """
    serving = champion(registry, version.name)
    in_service = serving.version if serving else None
    if in_service != decision.against:
        raise RegistryError(
            f"{version.name}/{version.version}: it was compared with "
            f"{_shown(decision.against)}, but in service is {_shown(in_service)}; compare again"
        )
    number = str(version.version)
    with registry.errors():
        for key, value in _tags(decision).items():
            registry.client.set_model_version_tag(version.name, number, key, value)
        if decision.is_promoted:
            registry.client.set_registered_model_alias(version.name, CHAMPION, number)
            if CHALLENGER in version.aliases:
                registry.client.delete_registered_model_alias(version.name, CHALLENGER)
    return get_version(registry, version.name, version.version)


def _tags(decision: Decision) -> dict[str, str]:
    return {
        "promotion.is_promoted": str(decision.is_promoted).lower(),
        "promotion.by": decision.decided_by,
        "promotion.at": datetime.now(UTC).isoformat(timespec="seconds"),
        "promotion.reason": decision.reason,
        "promotion.against": _shown(decision.against),
        "promotion.gain": f"{decision.gain:.2f}",
        "promotion.gain_low": f"{decision.gain_low:.2f}",
        "promotion.gain_high": f"{decision.gain_high:.2f}",
        "promotion.better": str(decision.better),
        "promotion.worse": str(decision.worse),
        "promotion.p_value": f"{decision.p_value:.2g}",
    }


def _shown(version: int | None) -> str:
    return "no champion" if version is None else f"version {version}"
