import pytest
import torch

from rsft.policy import decode

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
    return lambda logits_RV, row_R, step: tokens[row_R, step]


def test_prompts_are_read_once_and_shared_by_their_copies(policy):
    reader = policy.model.get_encoder() if policy.is_encoder_decoder else decoder(policy)
    script = [[4, 4, 4]] * 12
    with Watch(reader) as watch:
        decode(policy, PROMPTS, copies=3, max_new_tokens=3, choose=scripted(script))
    expected = [4] if policy.is_encoder_decoder else [4, 12, 12]
    assert watch.rows == expected


def test_finished_rows_leave(policy):
    stop = policy.stop_id
    script = [[stop, 4, 4, 4, 4], [4, stop, 4, 4, 4], [4, 4, stop, 4, 4], [4, 4, 4, 4, 4]]
    with Watch(decoder(policy)) as watch:
        decode(policy, PROMPTS, copies=1, max_new_tokens=5, choose=scripted(script))
    assert watch.rows == [4, 3, 2, 1, 1]


def test_finished_rows_wait_until_there_are_enough(policy):
    stop = policy.stop_id
    script = [[stop, 4, 4], *([[4, 4, 4]] * 7)]
    with Watch(decoder(policy)) as watch:
        decode(policy, PROMPTS, copies=2, max_new_tokens=3, choose=scripted(script))
    assert watch.rows == [4, 8, 8]


def test_tokens_and_reasons(policy):
    stop = policy.stop_id
    script = [[4, stop, 9], [stop, 9, 9], [4, 5, 6], [4, 5, stop]]
    decoded = decode(policy, PROMPTS, copies=1, max_new_tokens=3, choose=scripted(script))
    assert [row.token_ids for row in decoded] == [[4, stop], [stop], [4, 5, 6], [4, 5, stop]]
    assert [row.finish_reason for row in decoded] == ["stop", "stop", "length", "stop"]


def test_all_finished_is_the_end(policy):
    with Watch(decoder(policy)) as watch:
        decode(
            policy,
            PROMPTS,
            copies=1,
            max_new_tokens=9,
            choose=scripted([[policy.stop_id]] * 4),
        )
    assert watch.rows == [4]


@torch.inference_mode()
def test_logits_are_those_of_a_forward_without_batch_cache_or_padding(policy):
    """Whatever left padding, repetition and rows that leave do to caches, masks and positions."""
    stop = policy.stop_id
    script = [
        [4, 5, 6, 7],
        [stop, 0, 0, 0],
        [5, stop, 0, 0],
        [6, 7, 8, 9],
        [stop, 0, 0, 0],
        [9, 8, 7, 6],
        [3, 3, stop, 0],
        [stop, 0, 0, 0],
    ]
    seen = {}

    def choose(logits_RV, row_R, step):
        for row, logits in zip(row_R.tolist(), logits_RV, strict=True):
            seen[row, step] = logits
        return scripted(script)(logits_RV, row_R, step)

    decoded = decode(policy, PROMPTS, copies=2, max_new_tokens=4, choose=choose)
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
