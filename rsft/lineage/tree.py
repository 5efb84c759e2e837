"""The files that a commit pins, and the hashes that DVC gives them."""

import json
from collections.abc import Mapping
from functools import cache

from rsft.lineage.git import read_blobs, run_git
from rsft.lineage.hashing import md5_of
from rsft.lineage.workspace import Workspace


class Trees:
    """The trees of commits; what several of them share is read once."""

    def __init__(self, workspace: Workspace) -> None:
        self._root = workspace.root
        self._md5: dict[str, str] = {}
        self.files = cache(self._files)

    def read(self, commit: str, path: str) -> bytes | None:
        """A file's content, or None where the commit has none."""
        return read_blobs(self._root, [f"{commit}:{path}"])[0]

    def md5(self, commit: str, path: str) -> str | None:
        """The MD5 that DVC gives to a file or a folder, or None where the commit has none."""
        files = self.files(commit)
        if path in files:
            return self._hashes({path: files[path]})[path]
        below = {
            name.removeprefix(f"{path}/"): blob
            for name, blob in files.items()
            if name.startswith(f"{path}/")
        }
        return folder_md5(self._hashes(below)) if below else None

    def _files(self, commit: str) -> Mapping[str, str]:
        """Blob by path of each file."""
        listed = run_git(self._root, "ls-tree", "-r", "-z", commit)
        entries = [entry.partition("\t") for entry in listed.split("\0") if entry]
        return {path: told.split()[2] for told, _, path in entries}

    def _hashes(self, blobs: Mapping[str, str]) -> dict[str, str]:
        unknown = sorted(set(blobs.values()) - self._md5.keys())
        for blob, content in zip(unknown, read_blobs(self._root, unknown), strict=True):
            assert content is not None, "the tree names it"
            self._md5[blob] = md5_of(content)
        return {path: self._md5[blob] for path, blob in blobs.items()}


def folder_md5(hashes: Mapping[str, str]) -> str:
    """The MD5 that DVC gives to a folder of files.

    Args:
        hashes: MD5 by path in the folder.
    """
    return f"{md5_of(folder_list(hashes))}.dir"


def folder_list(hashes: Mapping[str, str]) -> bytes:
    """What DVC keeps of a folder of files: their MD5 by path in it."""
    listed = [{"md5": md5, "relpath": path} for path, md5 in sorted(hashes.items())]
    return json.dumps(listed).encode()
