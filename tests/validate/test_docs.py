"""Data Docs: one page a round, inert whatever a model wrote, nothing fetched."""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from rsft.validate import build_data_docs
from tests.validate.cases import Case

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)> $severity ${v__0} {{7*7}} %s"


@functools.cache
def result_of(make: Callable[[], Case]) -> bytes:
    with TemporaryDirectory() as folder:
        make().judge(Path(folder))
        return (Path(folder) / "result.json").read_bytes()


def stored_result(folder: Path, make: Callable[[], Case]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "result.json").write_bytes(result_of(make))
    return folder / "result.json"


def hostile_case() -> Case:
    case = Case()
    case.set(2, text=HOSTILE)
    case.set(3, text=HOSTILE)
    case.set(5, finish_reason=HOSTILE)
    case.set(7, score_status=f"x' onmouseover='{HOSTILE}")
    return case


def test_a_page_for_each_round_and_an_index(tmp_path: Path) -> None:
    results = {
        "Round 1": stored_result(tmp_path / "1", Case),
        "Round <2>": stored_result(tmp_path / "2", hostile_case),
    }
    index = build_data_docs(results, tmp_path / "docs")
    assert index == tmp_path / "docs" / "index.html"
    text = index.read_text(encoding="utf-8")
    assert re.findall(r'href="([^"]+)"', text) == ["1.html", "2.html"]
    good, bad = re.findall(r"<tr><td>.*?</tr>", text)
    assert "passed" in good
    assert "stopped before training" in bad
    assert "Round &lt;2&gt;" in bad
    assert "not-truncated, scored, no-duplicates" in bad
    pages = [
        (tmp_path / "docs" / name).read_text(encoding="utf-8") for name in ("1.html", "2.html")
    ]
    assert "fa-times" not in re.sub(r"<style>.*?</style>", "", pages[0], flags=re.DOTALL)
    assert "2 unexpected values found" in pages[1]


def test_hostile_text_is_shown_and_inert(tmp_path: Path) -> None:
    result = stored_result(tmp_path, hostile_case)
    build_data_docs({"Round 1": result}, tmp_path / "docs")
    page = (tmp_path / "docs" / "1.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "$severity ${v__0} {{7*7}} %s" in page
    assert "<script" not in page
    assert "<img" not in page
    assert "x' onmouseover='" not in page


def test_a_page_may_fetch_and_run_nothing(tmp_path: Path) -> None:
    build_data_docs({"Round 1": stored_result(tmp_path, Case)}, tmp_path / "docs")
    for name in ("1.html", "index.html"):
        page = (tmp_path / "docs" / name).read_text(encoding="utf-8")
        head = page[page.index("<head>") :]
        assert re.match(
            r"<head><meta charset=\"utf-8\">"
            r"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ",
            head,
        )
        assert not re.search(r"(?:src|href)=\"(?!#|index\.html|\d+\.html)", page)


def test_stored_results_stay_as_they_are(tmp_path: Path) -> None:
    result = stored_result(tmp_path, Case)
    before = result.read_bytes()
    build_data_docs({"Round 1": result}, tmp_path / "docs")
    assert result.read_bytes() == before


def test_no_round_yet(tmp_path: Path) -> None:
    assert "No round has been judged yet" in build_data_docs({}, tmp_path).read_text()
