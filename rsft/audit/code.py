"""Whether the code that stages read is what the tag pins."""

import hashlib

from rsft.audit.case import Case
from rsft.audit.findings import Findings
from rsft.config import FORGOTTEN
from rsft.lineage import Trees


def check_code(case: Case, trees: Trees, findings: Findings) -> None:
    """Holds the hash of each dependency that no stage made and nobody brought against the tree.

    And that of the list of what is to be forgotten, which is read from there.
    """
    commit, tag = case.run.commit, case.run.tag
    read = {
        (path, dep.hash)  # stages may have read one file in two states
        for name in case.stages.keys() & case.lock.keys()
        for path, dep in case.lock[name].deps.items()
        if case.maker(path) is None or path == str(FORGOTTEN)
    }
    for path, md5 in sorted(read):
        findings.compare(
            "code",
            f"{tag}: {path} as stages read it, and in the tag's tree",
            expected=md5,
            found=trees.md5(commit, path),
            remedy="it was edited while the run was under way, or git does not track it; run again",
        )
    policy = case.run.manifest.get("policy")
    if policy is not None:
        content = trees.read(commit, policy["path"])
        findings.compare(
            "code",
            f"{tag}: {policy['path']} as the manifest has it, and in the tag's tree",
            expected=policy["sha256"],
            found=None if content is None else hashlib.sha256(content).hexdigest(),
            remedy="the policy of promotion was edited while the run was under way; run again",
        )
