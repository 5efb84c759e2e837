import pytest
import torch

from rsft.errors import EngineError
from rsft.policy import decode
from rsft.policy.cohorts import Batch
from tests.policy.families import FAMILIES, build

PROMPTS = [[3, 4, 5], [6], [7, 8, 9, 10, 11], [3, 9]]


@pytest.fixture(params=["tiny_t5", "tiny_llama"])
def policy(request):
    return request.getfixturevalue(request.param)


class Watch:
    """Takes down the rows of each forward of a module."""

    def __init__(self, module):
        self.rows = []
        self._hook = module.register_forward_pre_hook(self._note, with_kwargs=True)

    def _note(self, module, args, kwargs):
        self.rows.append(len(kwargs.get("input_ids", args[0] if args else None)))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._hook.remove()


def decoder(policy):
    return policy.model.decoder if policy.is_encoder_decoder else policy.model.model


def scripted(script: list[list[int]]):
    """Chooses the tokens of a script, one list a row, whatever the logits."""
    tokens = torch.tensor(script)
    return lambda logits_NV, row_N, step_N: tokens[row_N, step_N]


def complete(policy, copies, cap, script, max_rows=100):
    return decode(
        policy,
        PROMPTS,
        [copies] * len(PROMPTS),
        max_rows=max_rows,
        max_new_tokens=cap,
        choose=scripted(script),
    )


def test_prompts_are_read_once_and_shared_by_their_copies(policy):
    reader = policy.model.get_encoder() if policy.is_encoder_decoder else decoder(policy)
    with Watch(reader) as watch:
        complete(policy, 3, 3, [[4, 4, 4]] * 12)
    expected = [4] if policy.is_encoder_decoder else [4, 12, 12]
    assert watch.rows == expected


def test_finished_rows_leave_at_once(policy):
    stop = policy.stop_id
    script = [[stop, 4, 4, 4, 4], [4, stop, 4, 4, 4], [4, 4, stop, 4, 4], [4, 4, 4, 4, 4]]
    with Watch(decoder(policy)) as watch:
        complete(policy, 1, 5, script)
    assert watch.rows == [4, 3, 2, 1, 1]


def test_waiting_prompts_come_in_once_a_quarter_of_the_rows_is_free(policy):
    """Four prompts of two rows in batches of four: the third and fourth wait for two places."""
    stop = policy.stop_id
    # by length: prompts 1, 3 come first (rows 2, 3 and 6, 7), then 0 and 2
    script = [[4] * 6 for _ in range(8)]
    script[2][1] = script[3][2] = stop
    with Watch(decoder(policy)) as watch:
        complete(policy, 2, 6, script, max_rows=4)
    # reads 2 prompts; 4 rows, 3 after one stopped, which is not room enough for 2; then a second
    # stops, and a prompt is read while the others go on
    assert watch.rows[:5] == [2, 4, 3, 1, 4]


def test_models_with_absolute_positions_take_one_cohort_at_a_time():
    policy = build("bart")
    script = [[4, 4, 4]] * 8
    with Watch(policy.model.get_encoder()) as watch:
        complete(policy, 2, 3, script, max_rows=4)
    assert watch.rows == [2, 2]


def test_tokens_and_reasons(policy):
    stop = policy.stop_id
    script = [[4, stop, 9], [stop, 9, 9], [4, 5, 6], [4, 5, stop]]
    decoded = complete(policy, 1, 3, script)
    assert [row.token_ids for row in decoded] == [[4, stop], [stop], [4, 5, 6], [4, 5, stop]]
    assert [row.finish_reason for row in decoded] == ["stop", "stop", "length", "stop"]


def test_all_finished_is_the_end(policy):
    with Watch(decoder(policy)) as watch:
        complete(policy, 1, 9, [[policy.stop_id]] * 4)
    assert watch.rows == [4]


def test_a_prompt_with_more_copies_than_rows_is_split(policy):
    script = [[4, 5 + row % 3, 6] for row in range(20)]
    decoded = complete(policy, 5, 3, script, max_rows=2)
    assert [row.token_ids for row in decoded] == script


@pytest.mark.parametrize("max_rows", [3, 5, 100])
@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_logits_are_those_of_a_forward_without_batch_cache_or_padding(family, max_rows):
    """Whatever padding, sharing, rows that leave, and cohorts that join do to caches and masks."""
    policy = build(family)
    stop = policy.stop_id
    script = [
        [4, 5, 6, 7, 8, 9, 4, 5, 6, 7, 8],
        [stop, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [5, stop, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [6, 7, 8, 9, 3, stop, 0, 0, 0, 0, 0],
        [stop, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [9, 8, 7, 6, 5, 4, 3, 9, 8, 7, stop],
        [3, 3, stop, 0, 0, 0, 0, 0, 0, 0, 0],
        [stop, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    seen = {}

    def choose(logits_NV, row_N, step_N):
        for row, step, logits in zip(row_N.tolist(), step_N.tolist(), logits_NV, strict=True):
            seen[row, step] = logits
        return scripted(script)(logits_NV, row_N, step_N)

    decoded = decode(policy, PROMPTS, [2] * 4, max_rows=max_rows, max_new_tokens=11, choose=choose)
    for row, completion in enumerate(decoded):
        prompt = PROMPTS[row // 2]
        for step in range(len(completion.token_ids)):
            before = completion.token_ids[:step]
            if policy.is_encoder_decoder:
                start = policy.model.config.decoder_start_token_id
                expected = policy.model(
                    input_ids=torch.tensor([prompt]),
                    decoder_input_ids=torch.tensor([[start, *before]]),
                ).logits[0, -1]
            else:
                expected = policy.model(input_ids=torch.tensor([prompt + before])).logits[0, -1]
            torch.testing.assert_close(seen[row, step], expected, atol=1e-4, rtol=1e-4)


def test_the_model_is_left_as_it_was(policy):
    usual = policy.model.config._attn_implementation
    complete(policy, 1, 2, [[4, 4]] * 4)
    assert policy.model.config._attn_implementation == usual
    with pytest.raises(RuntimeError, match="stop here"):
        decode(
            policy,
            PROMPTS,
            [1] * 4,
            max_rows=4,
            max_new_tokens=2,
            choose=lambda *_: (_ for _ in ()).throw(RuntimeError("stop here")),
        )
    assert policy.model.config._attn_implementation == usual


def test_an_architecture_of_another_kind_is_refused_with_the_engine_that_takes_it():
    policy = build("llama")
    config = policy.model.config
    config.layer_types, usual = ["linear_attention"] * 3, getattr(config, "layer_types", None)
    try:
        with pytest.raises(
            EngineError, match=r"LlamaForCausalLM.*linear_attention.*'transformers'"
        ):
            Batch(policy)
    finally:
        config.layer_types = usual


def test_attention_that_does_not_come_through_the_interface_is_refused(monkeypatch):
    policy = build("qwen2")
    monkeypatch.setattr(policy.model, "set_attn_implementation", lambda name: None)
    with pytest.raises(EngineError, match="does not come through the interface"):
        complete(policy, 1, 3, [[4, 4, 4]] * 4)
