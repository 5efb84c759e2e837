"""Which training prompts are held out follows from the seed and the prompt alone."""

from rsft.prompts.heldout import heldout_ids

IDS = [f"p{number}" for number in range(2000)]


def test_each_prompt_is_held_out_with_the_share_as_its_probability() -> None:
    """400 of 2,000 in the mean; five standard deviations are 90, less than once in a million."""
    assert abs(len(heldout_ids(IDS, 0.2, 1)) - 400) <= 90


def test_neither_other_prompts_nor_their_order_decide() -> None:
    chosen = heldout_ids(IDS, 0.2, 1)
    assert heldout_ids(IDS[::-1], 0.2, 1) == chosen
    assert heldout_ids(IDS[:500], 0.2, 1) == chosen & set(IDS[:500])


def test_a_larger_share_only_adds() -> None:
    assert heldout_ids(IDS, 0.1, 1) < heldout_ids(IDS, 0.2, 1)


def test_another_seed_holds_out_others() -> None:
    assert heldout_ids(IDS, 0.2, 1) != heldout_ids(IDS, 0.2, 2)


def test_no_share_holds_nothing_out() -> None:
    assert not heldout_ids(IDS, 0.0, 1)
