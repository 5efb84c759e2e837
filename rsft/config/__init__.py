"""Settings: ``params.yaml`` as frozen models, one file per part of it."""

from rsft.config.alerts import AlertsSection
from rsft.config.base import BaseSection, RenderingSection, ScratchSection
from rsft.config.config import Config, RoundSection, round_chain, round_folder
from rsft.config.filter import BoundSection, ContaminationSection, FilterSection, PoolSection
from rsft.config.generate import (
    LEAST_TEMPERATURE,
    AdaptiveSection,
    GenerateSection,
    OpenAISection,
    RuntimeSection,
)
from rsft.config.hosts import HostsSection
from rsft.config.measure import (
    ControlName,
    ControlsSection,
    EvaluateSection,
    MonitorSection,
    RegisterSection,
    ValidateSection,
)
from rsft.config.params import load_config, load_policy, parse_config, parse_policy, set_values
from rsft.config.places import FORGOTTEN, INCOMING, PARAMS, RAW, TRAINING
from rsft.config.policy import POLICY, ApprovalPolicy, GainPolicy, GuardPolicy, Policy
from rsft.config.prompts import EmbeddedSection, ExcludeSection, FilesSection, PromptsSection
from rsft.config.ray import RaySection
from rsft.config.retrain import RetrainSection
from rsft.config.score import (
    MODEL_BASED,
    RULES,
    JudgeSection,
    NumericAnswerSection,
    RewardModelSection,
    ScoreSection,
    TargetModelSection,
    is_own,
)
from rsft.config.section import Section
from rsft.config.training import (
    EarlyStoppingSection,
    FinetuneSection,
    LoraSection,
    TrainingSection,
)

__all__ = [
    "FORGOTTEN",
    "INCOMING",
    "LEAST_TEMPERATURE",
    "MODEL_BASED",
    "PARAMS",
    "POLICY",
    "RAW",
    "RULES",
    "TRAINING",
    "AdaptiveSection",
    "AlertsSection",
    "ApprovalPolicy",
    "BaseSection",
    "BoundSection",
    "Config",
    "ContaminationSection",
    "ControlName",
    "ControlsSection",
    "EarlyStoppingSection",
    "EmbeddedSection",
    "EvaluateSection",
    "ExcludeSection",
    "FilesSection",
    "FilterSection",
    "FinetuneSection",
    "GainPolicy",
    "GenerateSection",
    "GuardPolicy",
    "HostsSection",
    "JudgeSection",
    "LoraSection",
    "MonitorSection",
    "NumericAnswerSection",
    "OpenAISection",
    "Policy",
    "PoolSection",
    "PromptsSection",
    "RaySection",
    "RegisterSection",
    "RenderingSection",
    "RetrainSection",
    "RewardModelSection",
    "RoundSection",
    "RuntimeSection",
    "ScoreSection",
    "ScratchSection",
    "Section",
    "TargetModelSection",
    "TrainingSection",
    "ValidateSection",
    "is_own",
    "load_config",
    "load_policy",
    "parse_config",
    "parse_policy",
    "round_chain",
    "round_folder",
    "set_values",
]
