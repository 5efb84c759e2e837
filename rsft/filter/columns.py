"""A round's scored candidates as columns: what a decision reads of them, and nothing else.

Ten million candidates as Python objects would take ten gigabytes; as columns they take 38 bytes
each. Texts are held by a 64-bit hash, which is all that equality needs, and themselves only where
a setting reads them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rsft.config import FilterSection
from rsft.keys import text_keys
from rsft.ledger import table_of
from rsft.types import Scored

READ = (
    "prompt_id",
    "draw",
    "reward",
    "finish_reason",
    "proposal_logprob",
    "token_count",
    "is_canonical",
    "text",
)
"""Columns of ``Scored`` that every decision reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """N candidates of P prompts."""

    prompt_ids: list[str]
    """(P,) The prompts, in order of their first candidate."""
    prompt_N: np.ndarray
    """int32; number of each candidate's prompt."""
    draw_N: np.ndarray
    """int32; its draw."""
    reward_N: np.ndarray
    """float64; NaN where unscorable."""
    is_finished_N: np.ndarray
    """bool; whether the policy ended the completion."""
    proposal_logprob_N: np.ndarray
    """float64; log M in nats, NaN where not known."""
    reference_logprob_N: np.ndarray | None
    """float64; log π_ref in nats, NaN where not known; null where it was not read."""
    density_N: np.ndarray | None
    """float64; log P in nats by the reward that gives it, NaN where it could not; null likewise."""
    tokens_N: np.ndarray
    """float32; tokens, NaN where not known."""
    is_respelt_N: np.ndarray
    """bool; whether the tokens are known not to be those that the text is encoded as."""
    text_key_N: np.ndarray
    """uint64; hash of the text."""
    text_N: pa.LargeStringArray | None
    """The texts; null where no setting reads them. In one piece: to take a few rows of several
    pieces, Arrow would put all of them together each time."""
    success_rate_P: np.ndarray | None
    """float64; estimated share of right completions, NaN where not known; null likewise."""

    def __len__(self) -> int:
        return len(self.prompt_N)

    def texts(self, rows: np.ndarray) -> list[str]:
        """The texts of some rows."""
        assert self.text_N is not None
        taken: list[str] = self.text_N.take(pa.array(rows)).to_pylist()
        return taken


def columns_read(section: FilterSection) -> list[str]:
    """Names of the columns of ``Scored`` that the settings read."""
    more = {"reference": ["reference_logprob"], "density": ["reward_breakdown"]}
    return [*READ, *more.get(section.base_measure, [])]


def read_candidates(
    tables: Iterable[pa.Table],
    section: FilterSection,
    *,
    success_rates: Mapping[str, float | None] | None = None,
) -> Candidates:
    """Reads candidates into columns.

    Args:
        tables: Parts of a table of ``Scored``, with the columns of ``columns_read`` at least.
        section: The settings, which say what is read.
        success_rates: Estimated share of right completions by prompt, where the draws tell it.
    """
    numbers: dict[str, int] = {}
    parts = []
    texts: list[pa.Array] = []
    for table in tables:
        parts.append(_part(table, section, numbers))
        if section.reads_texts:
            texts += table["text"].cast(pa.large_string()).chunks
    parts = parts or [_part(table_of(Scored, []), section, numbers)]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    rates = None
    if success_rates is not None:
        found = (success_rates.get(prompt_id) for prompt_id in numbers)
        rates = np.array([np.nan if rate is None else rate for rate in found], float)
    return Candidates(
        prompt_ids=list(numbers),
        prompt_N=joined["prompt"],
        draw_N=joined["draw"],
        reward_N=joined["reward"],
        is_finished_N=joined["is_finished"],
        proposal_logprob_N=joined["proposal_logprob"],
        reference_logprob_N=joined.get("reference_logprob"),
        density_N=joined.get("density"),
        tokens_N=joined["tokens"],
        is_respelt_N=joined["is_respelt"],
        text_key_N=joined["text_key"],
        text_N=_joined(texts) if section.reads_texts else None,
        success_rate_P=rates,
    )


def _part(
    table: pa.Table, section: FilterSection, numbers: dict[str, int]
) -> dict[str, np.ndarray]:
    """The columns of one part; new prompts are added to ``numbers``."""
    prompts = table["prompt_id"].combine_chunks().dictionary_encode()
    local_P = [numbers.setdefault(p, len(numbers)) for p in prompts.dictionary.to_pylist()]
    part = {
        "prompt": np.array(local_P, np.int32)[prompts.indices.to_numpy()],
        "draw": table["draw"].to_numpy().astype(np.int32),
        "reward": _floats(table["reward"]),
        "is_finished": pc.equal(table["finish_reason"], "stop").to_numpy(zero_copy_only=False),
        "proposal_logprob": _floats(table["proposal_logprob"]),
        "tokens": _floats(table["token_count"]).astype(np.float32),
        "is_respelt": pc.equal(table["is_canonical"], False).fill_null(False).to_numpy(),
        "text_key": text_keys(table["text"]),
    }
    if section.base_measure == "reference":
        part["reference_logprob"] = _floats(table["reference_logprob"])
    if section.base_measure == "density":
        given = pc.map_lookup(table["reward_breakdown"], section.density, "first")
        part["density"] = _floats(given)
    return part


def _joined(texts: list[pa.Array]) -> pa.LargeStringArray:
    return pa.chunked_array(texts, pa.large_string()).combine_chunks()


def _floats(column: pa.ChunkedArray) -> np.ndarray:
    """A column as float64, NaN where it is null."""
    values: np.ndarray = column.cast(pa.float64()).to_numpy()
    return values
