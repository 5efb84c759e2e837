import json
from pathlib import Path

from rsft.registry import Registry, get_version, keep_verdict

DOCUMENT = {"is_promoted": False, "reason": "not promoted: gain", "version": 1, "ä": "ü"}


def test_a_verdict_is_kept_beside_its_version_and_again_is_the_same(
    registry: Registry, submit, name: str, tmp_path
) -> None:
    version = submit("m1")
    for _ in range(2):
        keep_verdict(
            registry,
            version,
            tag="verdict/rsft/v1/1",
            number=1,
            markdown="# no\n",
            document=DOCUMENT,
        )
    client, run_id = registry.client, version.mlflow_run_id
    names = [found.path for found in client.list_artifacts(run_id, "verdicts")]
    assert names == ["verdicts/1-1.json", "verdicts/1-1.md"]
    kept = client.download_artifacts(run_id, "verdicts/1-1.json", str(tmp_path))
    assert json.loads(Path(kept).read_text()) == DOCUMENT
    tags = get_version(registry, name, 1).tags
    assert tags["promotion.is_promoted"] == "false"
    assert tags["promotion.reason"] == "not promoted: gain"
    assert tags["promotion.verdict"] == "verdict/rsft/v1/1"
