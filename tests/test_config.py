"""params.yaml: what is accepted, what is refused, and how a refusal reads."""

import re
import shutil
from pathlib import Path

import pytest

from rsft.config import Config, load_config, load_policy, parse_config, parse_policy, set_values
from rsft.errors import ConfigurationError

PARAMS = Path(__file__).parents[1] / "params.yaml"


@pytest.fixture
def params(tmp_path: Path) -> Path:
    return Path(shutil.copy(PARAMS, tmp_path / "params.yaml"))


@pytest.mark.parametrize(
    "params_file", [PARAMS, *sorted(PARAMS.parent.glob("examples/*/params.yaml"))]
)
def test_every_shipped_file_is_valid(params_file: Path) -> None:
    assert isinstance(load_config(params_file), Config)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("generate.temprature=1", "unknown key 'generate.temprature'; did you mean 'temperature'?"),
        ("seed=9223372036854775808", "seed = 9223372036854775808: input should be less than 9"),
        ("base.scratch.heads=100", "base.scratch: heads is 100, more than d_model, 96"),
        ("base.scratch.heds=3", "unknown key 'base.scratch.heds'; did you mean 'heads'?"),
        ("score.zzz=1", "unknown key 'score.zzz'; known: rewards, answer_marker"),
        ("filter.rule=foo", "filter.rule = 'foo': input should be 'coin', 'soft', 'threshold'"),
        ("generate.temperature=-1", "generate.temperature = -1: input should be greater than or"),
        ("generate.temperature=0", "generate: temperature 0 gives equal draws; set draws_per"),
        ("generate.temperature=1e-40", "generate: temperature 1e-40 is too small to divide by"),
        (
            "generate.adaptive={target_accepted: 99, max_draws: 8}",
            "generate: adaptive.target_accepted is more than max_draws",
        ),
        ("finetune.hosts=2", "finetune: processes is 1, which 2 hosts cannot share evenly"),
        ("hosts={address: here}", "hosts.address = 'here': string should match"),
        ("generate.draws_per_prompt=0", "generate.draws_per_prompt = 0: input should be greater"),
        ("generate.min_new_tokens=99", "generate: min_new_tokens is more than max_new_tokens"),
        ("generate.stop=['']", "generate: stop holds an empty string"),
        ("generate.engine=openai", "generate: engine is 'openai', so the section generate.openai"),
        ("generate.openai={base_url: here}", "generate.openai.base_url = 'here': string should"),
        (
            "generate.openai={base_url: 'http://h/v1', send: messages}",
            "generate.openai.send is 'messages', so the server renders a chat",
        ),
        (
            "generate.adaptive={target_accepted: 2, max_draws: 1}",
            "generate: adaptive.max_draws is less than draws_per_prompt",
        ),
        ("generate.draws_per_prompt=many", "generate.draws_per_prompt = 'many': input should be"),
        (
            "evaluate.sets={eval: train}",
            "evaluate: sets.eval is 'train', which policies are trained",
        ),
        ("register.name=a.b", "register.name = 'a.b': string should match pattern"),
        ("register.name=a-", "register.name = 'a-': string should match pattern"),
        ("evaluate.k=9", "evaluate: pass@9 is undefined for 8 draws"),
        ("filter.rule=threshold", "filter: rule is 'threshold', so filter.threshold is needed"),
        ("filter.rule=rso", "filter: rule is 'rso', so filter.n is needed"),
        ("filter.rule=top_fraction", "filter: rule is 'top_fraction', so filter.fraction is"),
        ("filter.target=density", "filter: target is 'density', so filter.base_measure must be"),
        ("filter.base_measure=density", "score.rewards has no 'target_model' that would give log"),
        ("filter.base_measure=reference", "needs log π_ref of each candidate: set score.reference"),
        ("filter.beta=0", "filter.beta = 0: input should be greater than 0"),
        ("filter.beta=.inf", "filter.beta = inf: input should be a finite number"),
        ("filter.temper=2", "filter.temper = 2: input should be less than or equal to 1"),
        ("filter.bound={method: pilot, log_bound: 0}", "so pilot_draws is needed"),
        ("filter.bound={method: global_quantile}", "so quantile is needed"),
        ("filter.bound={method: known, log_bound: .nan}", "should be a finite number"),
        ("score.rewards={judge: 1}", "score: rewards names 'judge', so the section score.judge"),
        ("score.rewards={exact_match: 0}", "at least one needs a weight greater than 0"),
        ("score.rewards={exact_match: -1}", "rewards.exact_match = -1.0: must be a number from 0"),
        ("score.answer_marker=''", "score: answer_marker must not be empty"),
        ("base.rendering.template=Q", "base.rendering: template must contain {prompt}"),
        ("controls.rounds=[1, 4]", "controls.rounds: there is no round 4; there are 1, 2, 3"),
        ("controls.rounds=[1, 1]", "controls: [1, 1] names one twice"),
        (
            "pool.heldout_share=0",
            "monitor.patience is held against answers to held-out training prompts, and pool",
        ),
        ("monitor={max_reward_gap: 0.1}", "monitor: max_reward_gap is set, so monitor.gold is"),
        ("score.rewards={wrold: 1}", "score.rewards: unknown reward 'wrold'; known: exact_match"),
        ("monitor.gold=wrold", "monitor.gold: unknown reward 'wrold'; known: exact_match"),
        ("filter.correct_reward=.nan", "filter.correct_reward = nan: input should be a finite"),
        ("validate.min_reward=.inf", "validate.min_reward = inf: input should be a finite number"),
        ("controls.rounds=[true]", "controls.rounds.0 = true: input should be a valid integer"),
        ("controls.rounds=['3']", "controls.rounds.0 = '3': input should be a valid integer"),
        ("rounds=99999999999999999999", "write a number from 1 to 1000"),
        ("rounds=0", "write a number from 1 to 1000"),
        ("rounds=true", "rounds = true: write a mapping, such as {name: value}"),
        ("rounds={1: {prev: data/base}}", "rounds.1 = 1: a key must be a text; put quotes around"),
        ("finetune.steps=true", "finetune.steps = true: input should be a valid integer"),
        ("finetune.steps='20'", "finetune.steps = '20': input should be a valid integer"),
        ("finetune.steps=", "finetune.steps = null: input should be a valid integer"),
        ("finetune.packing=yes", "finetune.packing = 'yes': write true or false"),
        ("score.rewards={worked_solution: true}", "rewards.worked_solution = true: input should"),
        ("score.rewards=f1", "score.rewards = 'f1': write a mapping, such as {name: value}"),
        ("controls.names=random", "controls.names = 'random': write a list, such as [one, anoth"),
        ("pool.contamination=drop", "contamination = 'drop': it is a section; its keys are exact,"),
        ("finetune.lora.rank=16", "--set: finetune.lora.alpha is missing"),
        ("evaluate.sets={eval: eval, 'g[1]': dev}", "evaluate: sets: 'g[1]' is no name for a set"),
        ("evaluate.sets={eval: eval, '': dev}", "evaluate: sets: '' is no name for a set; take"),
        (
            "prompts.files={train: t, eval: e, guards: {train: g}}",
            "prompts.files: guards: 'train' cannot be the name of a guard's split",
        ),
        (
            "prompts.files={train: t, eval: e, guards: {'../base/x': g}}",
            "prompts.files: guards: '../base/x' cannot be the name of a guard's split",
        ),
        ("validate.min_rows=9000", "validate: min_rows is 9000, more than max_rows, 8000"),
        ("validate.min_acceptance_rate=0.95", "acceptance_rate is 0.95, more than max_acceptance"),
        ("validate.min_reward=2", "validate: min_reward is 2.0, more than max_reward, 1.0"),
        (
            "filter.bound={method: pilot, pilot_draws: 8, log_bound: 0}",
            "--set: filter.bound.pilot_draws is 8, and generate.draws_per_prompt is 8, so",
        ),
        ("monitor.gold=judge", "monitor.gold names 'judge', so the section score.judge is needed"),
    ],
)
def test_a_setting_that_does_not_fit(params: Path, setting: str, message: str) -> None:
    before = params.read_bytes()
    with pytest.raises(ConfigurationError) as caught:
        set_values(params, [setting])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert params.read_bytes() == before


def test_waves_are_not_judged_by_a_model(params: Path) -> None:
    model = "score.reward_model={model: google-t5/t5-small}"
    waves = "generate.adaptive={target_accepted: 1, max_draws: 8}"
    set_values(params, [model, waves, "score.rewards={worked_solution: 1, reward_model: 0}"])
    with pytest.raises(
        ConfigurationError, match=r"gives 'reward_model' a weight.*set generate\.ad"
    ):
        set_values(params, ["score.rewards={worked_solution: 1, reward_model: 0.5}"])


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("generate", "write it as section.key=value"),
        ("nosuch.key=1", "no section 'nosuch'; known: runtime, rounds, prompts"),
        ("finetun.steps=1", "no section 'finetun'; did you mean 'finetune'?"),
        ("finetune.lorra.rank=1", "no section 'lorra'; did you mean 'lora'?"),
        ("rounds.9.prev=data/base", "no section '9'; known: 1, 2, 3"),
        ("seed.x=1", "no section 'seed'; known: runtime"),
        ("register.x.y=1", "no section 'x'; known: none"),
        ("generate.temperature={", r"^--set generate.temperature={: not YAML"),
        ("score.rewards={mine:score: 1}", "put quotes around a text that holds any of :{}"),
    ],
)
def test_a_malformed_assignment(params: Path, setting: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        set_values(params, [setting])


def test_one_bad_setting_of_two_writes_neither(params: Path) -> None:
    before = params.read_bytes()
    with pytest.raises(ConfigurationError):
        set_values(params, ["seed=7", "seed=-1"])
    assert params.read_bytes() == before


def test_set_values_keeps_comments_and_returns_what_it_wrote(params: Path) -> None:
    config = set_values(params, ["generate.draws_per_prompt=16", "generate.top_p=0.9"])
    assert config == load_config(params)
    assert (config.generate.draws_per_prompt, config.generate.top_p) == (16, 0.9)
    assert "# another number gives other roundings" in params.read_text()
    assert "top_k: null" in params.read_text()


def test_a_section_that_was_left_out_is_made(params: Path) -> None:
    settings = ["finetune.lora.rank=8", "finetune.lora.alpha=16", "prompts.exclude.sources=[a]"]
    config = set_values(params, settings)
    assert config == load_config(params)
    assert config.finetune.lora is not None
    assert (config.finetune.lora.rank, config.prompts.exclude.sources) == (8, ["a"])


def test_what_the_whole_file_is_at_fault_for_is_told_without_a_key(params: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^--set: monitor\.gold: unknown reward 'wrold'"):
        set_values(params, ["monitor.gold=wrold"])


def test_setting_the_number_of_rounds_writes_the_chain(params: Path) -> None:
    config = set_values(params, ["rounds=2"])
    assert {key: value.prev for key, value in config.rounds.items()} == {
        "1": "data/base",
        "2": "data/rounds/1",
    }
    assert config.controls.rounds == [2]


def test_a_broken_section_of_controls_is_told_where_rounds_are_set(params: Path) -> None:
    with pytest.raises(ConfigurationError, match="controls = 3: it is a section; its keys"):
        set_values(params, ["controls=3", "rounds=2"])


@pytest.mark.parametrize("name", ["difference", "monitor", "a.b", "new guards", "größer:1-2"])
def test_names_of_sets(params: Path, name: str) -> None:
    assert (
        name in set_values(params, [f"evaluate.sets={{eval: eval, '{name}': dev}}"]).evaluate.sets
    )


@pytest.mark.parametrize(
    "threshold",
    [
        "patience: 1",
        "min_entropy: 0.1",
        "min_distinct: 0.1",
        "min_pass_gap: 0.1",
        "max_length_ratio: 2",
        "{max_reward_gap: 0.1, gold: f1}",
    ],
)
def test_what_is_measured_on_held_out_prompts_needs_some(params: Path, threshold: str) -> None:
    monitor = f"monitor={threshold if threshold[0] == '{' else f'{{{threshold}}}'}"
    name = threshold.strip("{").split(":")[0]
    set_values(params, [monitor])
    with pytest.raises(ConfigurationError, match=rf"monitor\.{name} is held against"):
        set_values(params, [monitor, "pool.heldout_share=0"])


def test_the_size_of_the_pool_can_be_watched_without_held_out_prompts(params: Path) -> None:
    set_values(params, ["monitor={min_effective_sample_size: 9}", "pool.heldout_share=0"])


def test_a_password_does_not_belong_into_the_settings() -> None:
    text = PARAMS.read_text().replace(
        "  name: rsft\n", "  name: rsft\n  tracking_uri: postgresql://ann:hunter2@db/mlflow\n"
    )
    with pytest.raises(ConfigurationError, match="tracking_uri holds a password") as told:
        parse_config(text, name="params.yaml")
    assert "hunter2" not in str(told.value)
    parse_config(text.replace(":hunter2", ""), name="params.yaml")
    with pytest.raises(ConfigurationError, match="base_url holds a password or a key") as told:
        set_values(
            PARAMS, ["generate.openai={base_url: 'http://h/v1?token=hunter2'}"], dry_run=True
        )
    assert "hunter2" not in str(told.value)


def test_rounds_that_are_no_chain_are_refused() -> None:
    text = PARAMS.read_text().replace('"2": {prev: data/rounds/1}', '"2": {prev: data/base}')
    with pytest.raises(ConfigurationError, match="rounds must be the chain"):
        parse_config(text, name="params.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "params.yaml: must be a mapping"),
        ("seed: 1\n  x: [", "params.yaml:2: not YAML"),
        ("seed: 1\n", "is missing"),
        ("seed: 1\nseed: 2\n", "not YAML"),
        ("seed: " + "[" * 100_000, "params.yaml: nested too deeply to be read"),
    ],
)
def test_a_file_that_is_no_params_file(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_config(text, name="params.yaml")


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "params.yaml"
    for content, message in ((None, "No such file"), (b"seed: 1 # \xff", "not UTF-8 at byte 10")):
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ConfigurationError, match=message):
            load_config(file)
        with pytest.raises(ConfigurationError, match=message):
            set_values(file, ["seed=1"])


POLICY = PARAMS.parent / "mlflow" / "policy.yaml"


def test_the_shipped_policy_is_valid() -> None:
    policy = load_policy(POLICY)
    assert policy == parse_policy(POLICY.read_text(), name="policy.yaml")
    assert (policy.gain.alpha, policy.approval.required) == (0.05, False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("alpha:", "alfa:", "unknown key 'gain.alfa'; did you mean 'alpha'?"),
        ("alpha: 0.05", "alpha: 0.5", "gain.alpha = 0.5: input should be less than 0.5"),
        ("margin: 0.05", "margin: 0", "guards.margin = 0: input should be greater than 0"),
        ("resamples: 2000", "", "resamples is missing"),
        ("resamples: 2000", "resamples: 1000000000", "resamples = 1000000000: input should be les"),
        ("alpha: 0.1 ", "level: 0.1 ", "unknown key 'guards.level'"),
        ("alpha: 0.05", "alpha: .nan", "gain.alpha = nan: "),
        (
            "hours: 72",
            "hours: 1e300",
            "approval.hours = 1e+300: input should be less than or equal",
        ),
        ("required: false", "required: maybe", "approval.required = 'maybe': write true or false"),
        ("gain:", "gain: [", "policy.yaml:"),
    ],
)
def test_a_policy_that_does_not_fit_is_refused(old: str, new: str, message: str) -> None:
    text = POLICY.read_text().replace(old, new)
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        parse_policy(text, name="policy.yaml")


@pytest.mark.parametrize("training", ["finetune", "base.scratch.training"])
def test_hosts_of_a_training_need_a_place_to_meet(params: Path, training: str) -> None:
    over_hosts = [f"{training}.processes=2", f"{training}.hosts=2"]
    told = f"{training}.hosts is 2, so the section hosts is needed: set hosts.address"
    with pytest.raises(ConfigurationError, match=re.escape(told)):
        set_values(params, over_hosts)
    config = set_values(params, [*over_hosts, "hosts={address: 'head:29500'}"])
    assert config.hosts is not None
    assert config.hosts.address == "head:29500"
