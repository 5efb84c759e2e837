#!/usr/bin/env bash
# Makes a worktree of deployed runs by its name, or moves it to the main checkout's commit; prints its path.
# That of retraining has what the user brought, too, as it is now: git does not know it. It is removed
# when its run has succeeded (flows/retrain.py); what is here is of one that did not, and is gone on with.
# Those of promotions that are over go: clean ones, in which no process works, and none is about to.
set -euo pipefail
main=$(git rev-parse --path-format=absolute --git-common-dir)
main=$(dirname "$main")
name=${1:-retrain}
tree=$main/.rsft/worktrees/$name

is_at_work() {  # where there is no /proc that is not known
  [ -d /proc/self ] || return 0
  for process in /proc/[0-9]*; do
    if [ "$process/cwd" -ef "$1" ]; then return 0; fi
  done
  return 1
}

# Whom a killed worker left at work goes on; nobody's files may change under it.
if [ "$name" = retrain ] && [ -e "$tree/.rsft/lock" ] && ! flock --nonblock "$tree/.rsft/lock" true; then
  tree=$tree-${PREFECT__FLOW_RUN_ID:-$$}
fi
if [ -e "$tree/.git" ]; then
  touch "$tree/.git"
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
for other in "$main"/.rsft/worktrees/promotion-*; do
  if [ "$other" != "$tree" ] && [ -n "$(find "$other/.git" -mmin +5 2> /dev/null)" ] && ! is_at_work "$other"; then
    git -C "$main" worktree remove "$other" 2> /dev/null || echo "$other is not clean, so it stays" >&2
  fi
done
if [ -e "$tree/flows/readable.py" ]; then
  (cd "$tree" && python -m flows.readable >&2)
fi
echo "$tree"
