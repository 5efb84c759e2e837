"""Taking prompts in: each line of a file is new, known or refused, and the new ones are added.

    private copy ─► line by line: parse ─► known? ─► evaluated on? ─► add ─► next version ─► journal

Held against are the files of ``prompts.files``, what is to be forgotten, and the evaluation
prompts, as ``pool.contamination`` says: what it would drop or stop at is refused, what it reports
is told. Lines are added as they were written. The training file only ever grows by this, so that a
version holds those before it, and prompts without an id keep the number of their line.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from rsft.config import RAW, Config, FilesSection
from rsft.errors import ConfigurationError, PromptsError
from rsft.lineage import Addition, Refusal, write_addition
from rsft.prompts.contamination import KINDS, EvaluationText
from rsft.prompts.files import is_used, make_prompt, numbered_id, parse_row, read_prompts
from rsft.prompts.forgotten import Forgetting, read_forgotten
from rsft.runs.intake.copying import UnusableFileError, copy_in, read_lines
from rsft.runs.intake.known import Known
from rsft.runs.intake.version import NextVersion, md5_if_there
from rsft.types import Prompt

_COPY = RAW.parent / ".incoming.tmp"
_NEXT = RAW.parent / ".train.tmp"
"""Beside the folder that stages depend on, so that what a crash leaves is no input of theirs."""
_TOGETHER = 2048
"""Rows looked through for evaluation prompts at once."""
_SHOWN = 100
"""Refusals that are told; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A line that is a prompt."""

    number: int
    """Its number."""
    line: str
    """The line."""
    prompt: Prompt
    """What it says."""
    is_named: bool
    """Whether it has an id."""


def add_prompts(
    file: Path, config: Config, *, follow: bool = True, name: str | None = None
) -> Addition:
    """Adds the prompts of a file to those of the current folder, which must be held.

    Args:
        file: One JSON object a line, with the fields that ``prompts.files`` names.
        config: The settings.
        follow: Whether the file may be a symbolic link.
        name: What the journal calls it; by default its own name.

    Returns:
        What came of it; where nothing was new, nothing was written.

    Raises:
        ConfigurationError: Where prompts do not come from files, or added ones would not be used.
        UnusableFileError: Where the file has no prompts.
        PromptsError: Where one of the workspace's own files cannot be used.
    """
    section = _section(config)
    try:
        sha256 = copy_in(file, _COPY, follow=follow)
        with closing(Known()) as known:
            return _Intake(config, section, known).take(file, sha256, name or file.name)
    except OSError as error:
        raise PromptsError(
            f"{error.filename or RAW}: cannot be written ({error.strerror}); nothing was added"
        ) from None
    finally:
        _COPY.unlink(missing_ok=True)


def _section(config: Config) -> FilesSection:
    section = config.prompts.files
    if config.prompts.source != "files" or section is None:
        raise ConfigurationError(
            f"prompts.source is {config.prompts.source!r}, whose prompts are made from the seed; "
            f"set it to 'files', with your own in {RAW}, to add some"
        )
    if section.limit is not None:
        raise ConfigurationError(
            f"prompts.files.limit = {section.limit} reads no more rows than that of a file, so "
            "that added ones might never be used; set it to null"
        )
    return section


class _Intake:
    """The workspace's prompts, and what of a file's is new."""

    def __init__(self, config: Config, section: FilesSection, known: Known) -> None:
        self._section = section
        self._known = known
        self._train = RAW / section.train
        self._forgetting = Forgetting(read_forgotten())
        splits = {"eval": section.eval, **section.guards}
        measured = {split: read_prompts(RAW / name, section) for split, name in splits.items()}
        for split, prompts in measured.items():
            known.add_evaluated(prompts, RAW / splits[split])
        sets = {name: measured.get(split, []) for name, split in config.evaluate.sets.items()}
        self._evaluation = EvaluationText(sets, config.pool.contamination)
        self._total = self._learn(self._train) if self._train.exists() else 0
        if section.labelled is not None:
            self._learn(RAW / section.labelled)
        self._new = self._near = self._same = self._refused = 0
        self._refusals: list[Refusal] = []

    def take(self, file: Path, sha256: str, name: str) -> Addition:
        """Adds what of the private copy is new."""
        before = md5_if_there(self._train)
        with NextVersion(self._train, _NEXT) as version:
            rows = self._rows(file)
            while batch := list(islice(rows, _TOGETHER)):
                self._take(batch, version)
            if not self._new + self._same + self._refused:
                raise UnusableFileError(f"{file}: no prompts in it; write one JSON object a line")
            if self._new:
                version.commit()
        addition = Addition(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            source=name,
            sha256=sha256,
            new=self._new,
            known=self._same,
            refused=self._refused,
            near=self._near,
            total=self._total + self._new,
            fingerprint=md5_if_there(self._train) if self._new else before,
            before=before,
            refusals=tuple(sorted(self._refusals, key=lambda refusal: refusal.line)),
        )
        if self._new:
            write_addition(addition)
        return addition

    def _learn(self, file: Path) -> int:
        """Notes the prompts of one of the workspace's files; how many it has."""
        count = 0
        for number, line in read_lines(file):
            where = f"{file}:{number}"
            if line is None:
                raise PromptsError(f"{where}: the line is too long; cut it")
            self._known.add(
                make_prompt(parse_row(line, file, number), file, number, self._section), where
            )
            count += 1
        return count

    def _rows(self, file: Path) -> Iterator[_Row]:
        """The prompts of the private copy; lines that are none are refused."""
        for number, line in read_lines(_COPY):
            where = f"{file}:{number}: "
            try:
                if line is None:
                    raise PromptsError(f"{where}the line is too long; cut it")
                row = parse_row(line, file, number)
                prompt = make_prompt(row, file, number, self._section)
            except PromptsError as error:
                self._refuse(number, str(error).removeprefix(where))
                continue
            yield _Row(
                number=number,
                line=line,
                prompt=replace(prompt, source=self._train.name),
                is_named=row.get(self._section.id_field) is not None,
            )

    def _take(self, rows: list[_Row], version: NextVersion) -> None:
        found = self._evaluation.in_prompts([row.prompt for row in rows])
        leaks: dict[int, list[tuple[str, str]]] = {}
        for text, kind, measured, share in found.tolist():
            leaks.setdefault(text, []).append(self._told(kind, measured, share))
        for place, row in enumerate(rows):
            self._take_one(row, leaks.get(place, ()), version)

    def _told(self, kind: int, measured: int, share: float) -> tuple[str, str]:
        """What the settings say to a finding, and the finding in words."""
        evaluation = self._evaluation
        action = getattr(evaluation.section, KINDS[kind])
        prompt, name = evaluation.prompts[measured], evaluation.names[evaluation.set_P[measured]]
        return action, (
            f"it has {share:.0%} of prompt {prompt.prompt_id!r} of the set {name!r}, and "
            f"pool.contamination.{KINDS[kind]} is {action!r}"
        )

    def _take_one(self, row: _Row, leaks: Sequence[tuple[str, str]], version: NextVersion) -> None:
        against = self._against(row, leaks, version.lines + 1)
        if against is None:
            where = f"{self._train}:{version.lines + 1}"
            prompt = row.prompt
            if not row.is_named:
                prompt = replace(prompt, prompt_id=numbered_id(self._train, version.lines + 1))
            self._known.add(prompt, where)
            version.append(row.line)
            self._new += 1
            self._near += any(leaks)
        elif against:
            self._refuse(row.number, against)
        else:
            self._same += 1

    def _against(self, row: _Row, leaks: Sequence[tuple[str, str]], line: int) -> str | None:
        """As ``Known.judge``."""
        if self._forgetting.names(row.prompt):
            return "it is to be forgotten (`rsft forget`)"
        if not is_used(row.prompt, self._section):
            return f"it is over prompts.files.max_calculations = {self._section.max_calculations}"
        against = self._known.judge(row.prompt, is_named=row.is_named)
        if against is not None:
            return against
        if not row.is_named:
            given = numbered_id(self._train, line)
            holder = self._known.holder_of(given)
            if holder is not None:
                return f"it has no id, and {given!r}, by its line, is that of {holder}; give it one"
        return next((told for action, told in leaks if action != "report"), None)

    def _refuse(self, number: int, reason: str) -> None:
        self._refused += 1
        if len(self._refusals) < _SHOWN:
            self._refusals.append(Refusal(line=number, reason=reason))
