#!/usr/bin/env bash
# Makes a worktree of deployed runs by its name, or moves it to the main checkout's commit; prints its path.
# That of retraining has what the user brought, too, as it is now: git does not know it. It is removed
# when its run has succeeded (flows/retrain.py); what is here is of one that did not, and is gone on with.
set -euo pipefail
main=$(git rev-parse --path-format=absolute --git-common-dir)
main=$(dirname "$main")
name=${1:-retrain}
tree=$main/.rsft/worktrees/$name
# Whom a killed worker left at work goes on; nobody's files may change under it.
if [ "$name" = retrain ] && [ -e "$tree/.rsft/lock" ] && ! flock --nonblock "$tree/.rsft/lock" true; then
  tree=$tree-${PREFECT__FLOW_RUN_ID:-$$}
fi
if [ -e "$tree/.git" ]; then
  if [ "$name" = retrain ]; then
    mkdir -p "$tree/.rsft"
    touch "$tree/.rsft/resumed"
  fi
  git -C "$tree" checkout --quiet --force --detach "$(git -C "$main" rev-parse HEAD)"
else
  git -C "$main" worktree prune
  git -C "$main" worktree add --quiet --force --detach "$tree"
fi
if [ "$name" = retrain ] && [ -d "$main/data/raw" ]; then
  rm -rf "$tree/data/raw"
  cp --archive --reflink=auto "$main/data/raw" "$tree/data/raw"
fi
echo "$tree"
