#!/usr/bin/env bash
# Makes a worktree of scheduled runs by its name, or moves it to the main checkout's commit; prints its path.
set -euo pipefail
main=$(git rev-parse --path-format=absolute --git-common-dir)
main=$(dirname "$main")
tree=$main/.rsft/worktrees/${1:-scheduled}
if [ -e "$tree/.git" ]; then
  git -C "$tree" checkout --quiet --force --detach "$(git -C "$main" rev-parse HEAD)"
else
  git -C "$main" worktree prune
  git -C "$main" worktree add --quiet --force --detach "$tree"
fi
echo "$tree"
