import pytest

from rsft.addresses import has_secret, hide_secrets, one_line, without_secrets


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("s3://key:secret@bucket/a", "s3://***@bucket/a"),
        ("https://t0ken@example.org:8443/b", "https://***@example.org:8443/b"),
        ("postgresql+psycopg://ann:p@ss@host/db", "postgresql+psycopg://***@host/db"),
        ("s3://bucket/a?X-Amz-Signature=5ec&b=c#d", "s3://bucket/a?***#d"),
        (
            "no 'https://a:b@c/d?e=f' and \"https://a:b@g\" there",
            "no 'https://***@c/d?***' and \"https://***@g\" there",
        ),
        ("https://example.org/a@b", "https://example.org/a@b"),
        ("sqlite:////home/ann@work/mlflow.db", "sqlite:////home/ann@work/mlflow.db"),
        ("is it http://x/y? ann@example.org", "is it http://x/y? ann@example.org"),
        ("../elsewhere", "../elsewhere"),
        ("at postgresql://ann:p/a#s?s@host/db", "at postgresql://***@host/db"),
        ("http://127.0.0.1:4200/runs/a@b", "http://127.0.0.1:4200/runs/a@b"),
    ],
)
def test_addresses_in_a_text_tell_no_secret(told: str, shown: str) -> None:
    assert without_secrets(told) == shown


def test_nor_do_those_in_a_document() -> None:
    told = {"a": [{"url": "http://a:b@c"}, 1, None], "b": {"c": True}}
    assert hide_secrets(told) == {"a": [{"url": "http://***@c"}, 1, None], "b": {"c": True}}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("no\n  \tuse"), "no use"),
        (ValueError("at s3://key:secret@bucket/a"), "at s3://***@bucket/a"),
        (TimeoutError(), "TimeoutError"),
        (FileNotFoundError(2, "No such file", "/inside/of/a/cache"), "No such file"),
    ],
)
def test_an_error_is_one_line(error: Exception, told: str) -> None:
    assert one_line(error) == told


@pytest.mark.parametrize(
    ("address", "has"),
    [
        ("postgresql://ann:word@host/db", True),
        ("postgresql://host/db?user=ann&password=word", True),
        ("https://host/v1?api-key=word", True),
        ("postgresql://ann:w/ord@host/db", True),
        ("postgresql://ann:w#ord@host/db", True),
        ("http://host:5000/a@b", False),
        ("postgresql://ann@host/db?sslmode=require&sslkey=/etc/key", False),
        ("sqlite:////home/token=/mlflow.db", False),
    ],
)
def test_an_address_with_a_password_is_known(address: str, has: bool) -> None:
    assert has_secret(address) is has
