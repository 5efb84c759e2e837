"""Whether the code and the inputs that stages read are those that the tag pins."""

from rsft.audit.case import Case
from rsft.audit.findings import Findings
from rsft.config import RAW
from rsft.lineage import OutRecord, Trees


def check_code(case: Case, trees: Trees, findings: Findings) -> None:
    """Holds the hash of each dependency that no stage made against the tag's tree.

    The user's own files are pinned as far as git tracks them: what is not is noted, since it can
    be proven by nobody. Code that is not pinned is a finding.
    """
    read = {
        (path, dep.hash): dep  # stages may have read one file in two states
        for name in case.stages.keys() & case.lock.keys()
        for path, dep in case.lock[name].deps.items()
        if case.maker(path) is None
    }
    for (path, _), dep in sorted(read.items(), key=lambda item: item[0]):
        pinned = trees.md5(case.run.commit, path)
        if pinned != dep.hash and _is_left_out(case, trees, path, dep):
            findings.note(
                "code",
                f"{case.run.tag}: input {path}",
                expected=f"{dep.hash}, of {dep.files} files",
                found=f"{_count(case, trees, path)} of them in the tag",
                remedy="what git does not track cannot be proven: `git add` it, or `dvc add` it",
            )
            continue
        findings.compare(
            "code",
            f"{case.run.tag}: {path} as the stages read it, and in the tag's tree",
            expected=dep.hash,
            found=pinned,
            remedy="it was edited while the run was under way, or is not tracked by git; run again",
        )


def _is_left_out(case: Case, trees: Trees, path: str, dep: OutRecord) -> bool:
    is_users = path == str(RAW) or path.startswith(f"{RAW}/")
    return is_users and _count(case, trees, path) < dep.files


def _count(case: Case, trees: Trees, path: str) -> int:
    return sum(f == path or f.startswith(f"{path}/") for f in trees.files(case.run.commit))
