"""A remote on S3: what is pushed, proven and purged there, and what its failures cost."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rsft.errors import LineageError, WorkspaceError
from rsft.lineage import hash_objects, open_stores, owed_runs, remote
from rsft.lineage.purging import purge_objects
from rsft.lineage.remote_settings import require_no_secrets
from rsft.lineage.stores import remote_objects
from tests.flows.conftest import free_ports
from tests.lineage.test_remote import checkout as plain  # noqa: F401
from tests.lineage.test_remote import make_run, push, template, workspace  # noqa: F401
from tests.server.bucket import SECRET, Bucket

s3fs = pytest.importorskip("s3fs", reason="dvc-s3 is not installed: pip install 'rsft[server]'")
pytestmark = pytest.mark.filterwarnings(
    "ignore:datetime.datetime.utcnow:DeprecationWarning"  # moto's and botocore's
)


@pytest.fixture(scope="module")
def bucket() -> Iterator[Bucket]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    (port,) = free_ports(1)
    with Bucket(port).serving() as bucket:
        bucket.make("dvc")
        yield bucket


@pytest.fixture
def checkout(plain: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:  # noqa: F811
    """A checkout whose remote is a folder of its own in the bucket."""
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    point(plain, f"s3://dvc/{plain.name}")
    yield plain
    bucket.failures, bucket.seconds, bucket.puts_left = 0, 0.0, None


def point(folder: Path, url: str) -> None:
    """Sets the remote, with the time-outs that mlflow/README.md advises, but shorter."""
    s3fs.S3FileSystem.clear_instance_cache()
    text = f"[core]\n    remote = store\n['remote \"store\"']\n    url = {url}\n"
    (folder / ".dvc" / "config").write_text(f"{text}    read_timeout = 1\n")


def audit(folder: Path, objects: dict[str, str]) -> dict[str, bool]:
    """Whether each object in the remote is what its name says."""
    _, remote = open_stores(workspace(folder))
    hashed = hash_objects(remote, objects.values(), lambda *_: None)
    return {name: hashed[md5].hash == md5.removesuffix(".dir") for name, md5 in objects.items()}


def test_what_a_run_made_is_pushed_proven_and_purged(checkout: Path, bucket: Bucket) -> None:
    objects = make_run(checkout)
    assert push(checkout).problem is None
    assert audit(checkout, objects) == dict.fromkeys(objects, True)
    spoil(bucket, checkout, objects["file"])
    assert audit(checkout, objects) == dict.fromkeys(objects, True) | {"file": False}
    done = purge_objects(workspace(checkout), [objects["file"]], "why", {})
    assert (done.cached, done.remote) == (1, 1)
    assert push(checkout).objects == 0  # what was purged is not owed
    assert audit(checkout, objects) == dict.fromkeys(objects, True) | {"file": False}


def test_a_few_errors_of_the_server_are_tried_again(checkout: Path, bucket: Bucket) -> None:
    objects = make_run(checkout)
    bucket.failures = 3
    assert push(checkout).problem is None
    bucket.failures = 3
    assert audit(checkout, objects) == dict.fromkeys(objects, True)
    assert bucket.failures == 0


REFUSED = "The AWS Access Key Id you provided does not exist in our records."


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("errors", "injected"),
        ("time-outs", "Read timeout on endpoint URL"),
        ("no key", "Unable to locate credentials"),
        ("wrong key", REFUSED),
        ("no bucket", "The specified bucket does not exist"),
    ],
)
def test_a_remote_that_fails_is_one_line_and_costs_nothing(
    checkout: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, fault: str, why: str
) -> None:
    objects = make_run(checkout)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")  # the patience is boto's own
    with pytest.MonkeyPatch.context() as during:
        if fault == "errors":
            bucket.failures = 1_000
        elif fault == "time-outs":
            bucket.seconds = 1.5
        elif fault == "no bucket":
            point(checkout, "s3://nope/here")
        elif fault == "wrong key":
            during.setenv("AWS_ACCESS_KEY_ID", "another")
        else:
            during.delenv("AWS_ACCESS_KEY_ID")
        line = push(checkout).line or ""
        with pytest.raises(LineageError) as audited:
            audit(checkout, objects)
        with pytest.raises(LineageError) as purged:
            purge_objects(workspace(checkout), [], "why", {})
    for told in (line, str(audited.value), str(purged.value)):
        assert why in told
        assert "\n" not in told
        assert SECRET not in told
    assert line.endswith("; the next run tries again")
    assert "DVC's remote 'store' cannot be used" in str(audited.value)
    bucket.failures, bucket.seconds = 0, 0.0
    point(checkout, f"s3://dvc/{checkout.name}")
    assert push(checkout).objects == 4
    assert audit(checkout, objects) == dict.fromkeys(objects, True)


def test_a_bucket_that_stops_answering_is_not_waited_for_object_by_object(
    checkout: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 40 objects a few are asked for, each once: boto's and s3fs's retries made it 25."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    made = [make_run(checkout, f"20260101T0000{n:02}-aaaa", f"{n}") for n in range(10)]
    objects = {f"{n} {name}": md5 for n, of in enumerate(made) for name, md5 in of.items()}
    real = remote.open_remote
    with pytest.MonkeyPatch.context() as during:

        def falls_silent(*asked: object) -> object:
            """Once the first object is on its way."""
            database = real(*asked)  # type: ignore[arg-type]
            put = database.fs.fs._put_file

            async def send(*what: object, **how: object) -> object:
                if not bucket.seconds:
                    bucket.seconds, bucket.requests = 1.5, 0
                return await put(*what, **how)

            during.setattr(database.fs.fs, "_put_file", send)
            return database

        during.setattr(remote, "open_remote", falls_silent)
        line = push(checkout).line or ""
    assert "Read timeout on endpoint URL" in line
    assert 8 <= bucket.requests <= 10  # one batch, and whether the bucket is there
    bucket.seconds = 0.0
    assert push(checkout).problem is None
    _, store = open_stores(workspace(checkout))
    bucket.seconds, bucket.requests = 1.5, 0
    with pytest.raises(LineageError, match=r"remote 'store' cannot be used \(Read timeout"):
        hash_objects(store, objects.values(), lambda *_: None)
    assert 0 < bucket.requests <= 5 * len(os.sched_getaffinity(0))
    bucket.seconds = 0.0
    assert audit(checkout, objects) == dict.fromkeys(objects, True)


def test_a_session_that_ends_during_a_push_is_told_with_its_remedy(
    checkout: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = make_run(checkout)
    monkeypatch.setenv("AWS_SESSION_TOKEN", f"{SECRET}-session")
    bucket.puts_left = 1
    line = push(checkout).line
    assert line == (
        f"not pushed to s3://dvc/{checkout.name}: The provided token has expired.; put keys that "
        "are good into the environment, or into .dvc/config.local; the next run tries again"
    )
    with pytest.raises(LineageError, match=r"token has expired\.\); put keys that are good into"):
        open_stores(workspace(checkout))
    bucket.puts_left = None
    assert len(stored(bucket, checkout)) == 1  # of four
    assert owed_runs(workspace(checkout)) == ["20260101T000000-aaaa"]
    assert push(checkout).problem is None
    assert owed_runs(workspace(checkout)) == []
    assert audit(checkout, objects) == dict.fromkeys(objects, True)


@pytest.mark.parametrize(
    ("url", "more", "told"),
    [
        ("s3://key:word@dvc/x", "", "url"),
        ("s3://key@dvc/x", "", "url"),
        ("s3://dvc/x?X-Amz-Signature=word", "", "url"),
        ("s3://dvc/x", "endpointurl = http://key:word@127.0.0.1:9", "endpointurl"),
        ("s3://dvc/x", "access_key_id = word", "access_key_id"),
        ("s3://dvc/x", "secret_access_key = word", "secret_access_key"),
        ("s3://dvc/x", "session_token = word", "session_token"),
    ],
)
def test_a_secret_where_every_tag_would_keep_it_is_refused(
    checkout: Path, bucket: Bucket, url: str, more: str, told: str
) -> None:
    make_run(checkout)
    config, local = checkout / ".dvc" / "config", checkout / ".dvc" / "config.local"
    point(checkout, url)
    config.write_text(f"{config.read_text()}    {more}\n")
    bucket.requests = 0
    for use in (push, lambda folder: open_stores(workspace(folder))):
        with pytest.raises(
            WorkspaceError, match=rf"config: {told} of remote 'store' is"
        ) as refused:
            use(checkout)
        assert "word" not in str(refused.value)
        assert "@" not in str(refused.value)
        assert f"dvc remote modify --local store {told} …`" in str(refused.value)
    assert bucket.requests == 0
    if more:
        point(checkout, url)
        local.write_text(f"['remote \"store\"']\n    {more}\n")
        require_no_secrets(checkout)  # git does not keep it there


def test_a_bucket_is_given_up_by_default_where_it_does_not_answer(checkout: Path) -> None:
    (checkout / ".dvc" / "config").write_text(
        "[core]\n    remote = store\n['remote \"store\"']\n    url = s3://dvc/x\n"
    )
    limits = remote_objects(workspace(checkout), None).fs.fs.config_kwargs
    assert (limits["connect_timeout"], limits["read_timeout"]) == (5, 15)
    point(checkout, "s3://dvc/x")
    assert remote_objects(workspace(checkout), None).fs.fs.config_kwargs["read_timeout"] == 1


def test_a_remote_whose_library_is_not_installed_is_told(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "dvc_s3", None)
    with pytest.raises(LineageError, match="DVC's remote 'store' cannot be used") as told:
        open_stores(workspace(checkout))
    assert "dvc-s3" in str(told.value) or "dvc[s3]" in str(told.value)


def stored(bucket: Bucket, folder: Path) -> list[str]:
    return [key for key in bucket.contents("dvc") if key.startswith(f"{folder.name}/")]


def spoil(bucket: Bucket, folder: Path, md5: str) -> None:
    key = f"{folder.name}/files/md5/{md5[:2]}/{md5[2:]}"
    bucket.client().put_object(Bucket="dvc", Key=key, Body=b"other")
