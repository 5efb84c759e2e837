from rsft.score.batched import judge_in_batches, spelled
from rsft.score.reward import Score, unscorable
from rsft.types import Completion, Prompt

PROMPT = Prompt(
    prompt_id="p", text="t", answers=(), solution=None, family="f", source="s", licence="unknown"
)


def test_over_long_prompts_filtered_and_outputs_not_zipped_with_the_unfiltered_list():
    """Open-instruct: each score goes to the completion that it is of."""

    def prepare(prompt, completions):
        return [
            unscorable("long") if len(completion.text) > 2 else completion.text
            for completion in completions
        ]

    def judge(rows):
        assert rows == ["1", "2", "3"]
        return [Score(reward=float(row)) for row in rows]

    asked = [(PROMPT, [Completion(text=text) for text in texts]) for texts in (
        ["long", "1", "longer"], [], ["long"], ["2", "long", "3"],
    )]  # fmt: skip
    scores = judge_in_batches(asked, prepare, judge)
    assert [[score.reward for score in several] for several in scores] == [
        [None, 1.0, None],
        [],
        [None],
        [2.0, None, 3.0],
    ]


def test_the_special_token_that_a_text_spells():
    assert spelled(["</s>", "<pad>"], "a <pad> b") == "<pad>"
    assert spelled(["</s>", "<pad>"], "a < pad > b") is None
