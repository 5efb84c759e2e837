"""Every error that a user can cause or meet, one type per boundary.

    RsftError
    ├── ConfigurationError (ValueError)     params.yaml, --set, a mistyped key
    ├── PromptsError (ValueError)           a prompts file: missing, malformed, leaking
    ├── PolicyError (ValueError)            a model folder that is not one
    ├── EngineError (RuntimeError)          an engine or server that cannot draw, or breaks down
    ├── VerifierError (ValueError)          a reward that fails its own golds, or is broken
    ├── AcceptanceError (RuntimeError)      nothing was accepted
    ├── ExpectationsError (RuntimeError)    a critical expectation failed
    ├── TrainingError (RuntimeError)        nothing to train on, a loss that is NaN, no memory
    ├── LedgerError (RuntimeError)          a table or part that is corrupt or foreign
    ├── WorkspaceError (RuntimeError)       no git, not a checkout, held by another run
    ├── LineageError (RuntimeError)         a record that does not match what it records
    └── RegistryError (RuntimeError)        the model registry: unreachable, unknown version
        └── RefusalError                    it is there, and does not let this user

The message names the file, the line or field, the value and the remedy, in one line: the command
line prints it after ``error:`` and exits with 2. Anything else that is raised is our own defect.
"""


class RsftError(Exception):
    """Root of every error that is the world's doing, not a defect of this program."""


class ConfigurationError(RsftError, ValueError):
    """A setting that is unknown, of the wrong type, or at odds with another."""


class PromptsError(RsftError, ValueError):
    """A prompts file that cannot be used as it is."""


class PolicyError(RsftError, ValueError):
    """A model folder that cannot be loaded, or a rendering it cannot do."""


class EngineError(RsftError, RuntimeError):
    """An engine that cannot draw as asked, or a server that does not answer."""


class VerifierError(RsftError, ValueError):
    """A verifier that fails its own golds, or a reward that is broken or can score nothing."""


class AcceptanceError(RsftError, RuntimeError):
    """A round whose rule accepted no candidate at all."""


class ExpectationsError(RsftError, RuntimeError):
    """Accepted rows that fail a critical expectation: training must not start."""


class TrainingError(RsftError, RuntimeError):
    """Training that cannot start or go on: no rows, a loss that is not a number, no memory."""


class LedgerError(RsftError, RuntimeError):
    """A table that is missing, corrupt, or written for something else."""


class WorkspaceError(RsftError, RuntimeError):
    """A folder that is no workspace, or one that another run holds."""


class LineageError(RsftError, RuntimeError):
    """A record that does not match the thing it records."""


class RegistryError(RsftError, RuntimeError):
    """The model registry cannot be reached, or does not hold what was asked for."""


class RefusalError(RegistryError):
    """The model registry does not let this user: to try again is of no use."""
