import torch

from rsft.config import RenderingSection, ScratchSection, TrainingSection
from rsft.policy import build_scratch, decode_completions, encode_completions, encode_prompts

TRAINING = TrainingSection(steps=1, batch_size=1, learning_rate=1e-3)
SOLUTION = "n0 + n1 = r0 ; r0 * n2 = r1"


def section(vocabulary: int = 64) -> ScratchSection:
    return ScratchSection(
        d_model=16, d_ff=32, layers=1, heads=2, vocabulary=vocabulary, training=TRAINING
    )


def build(texts: list[str], *, seed: int = 0, vocabulary: int = 64):
    rendering = RenderingSection(number_slots=True)
    return build_scratch(section(vocabulary), rendering, texts, [SOLUTION], seed)


def test_a_solution_comes_back_exactly():
    policy = build(["Ann has 3 pens."])
    assert decode_completions(policy, encode_completions(policy, [SOLUTION])) == [SOLUTION]


def test_words_and_marks_are_tokens_of_their_own():
    policy = build(["Ann (or Bob) paid $3.50, didn't she?"])
    words = "ann ( or bob ) paid $ n0 , didn ' t she ?"
    tokens = policy.tokenizer.convert_ids_to_tokens(
        encode_prompts(policy, ["Ann (or Bob) paid $3.50, didn't she?"])[0]
    )
    assert tokens == [*words.split(), "</s>"]


def test_a_full_vocabulary_drops_rare_prompt_words_and_no_completion_word():
    texts = [f"common word{i}" for i in range(100)]
    policy = build(texts, vocabulary=32)
    assert len(policy.tokenizer) == policy.model.config.vocab_size == 32
    unknown = policy.tokenizer.unk_token_id
    assert unknown not in encode_completions(policy, [SOLUTION])[0]
    ids = encode_prompts(policy, ["common word99"])[0]
    assert ids[0] != unknown
    assert ids[1] == unknown


def test_weights_come_from_the_seed_alone():
    state = torch.random.get_rng_state()
    first = build(["ann has pens"], seed=1)
    assert torch.equal(torch.random.get_rng_state(), state)
    torch.manual_seed(99)
    assert build(["ann has pens"], seed=1).version == first.version
    assert build(["ann has pens"], seed=2).version != first.version
    torch.random.set_rng_state(state)
