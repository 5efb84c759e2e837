#!/usr/bin/env bash
# Makes a worktree of deployed runs by its name, or moves it to the main checkout's commit; prints its path.
# That of retraining has what the user brought, too, as it is now: git does not know it. It is removed
# when its run has succeeded (flows/retrain.py); what is here is of one that did not, and is gone on with.
# Those of promotions that are over go: clean ones, in which no process works, and none is about to.
# The user's hooks are for the user's commits.
set -euo pipefail
git() { command git -c core.hooksPath=/dev/null -c core.fsmonitor=false "$@"; }
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

# By name, files of data/raw that are in the main checkout alone (-23), or in the worktree alone (-13);
# one that differs in size or time is in both.
differing() {
  LC_ALL=C comm -z "$1" <(brought "$main") <(brought "$tree") | cut --zero-terminated --delimiter=' ' --fields=4-
}

brought() {
  cd "$1/data/raw" && find . ! -type d -printf '%y %s %T@ %p\0' | LC_ALL=C sort -z
}

# Whoever holds all checkouts, as `rsft gc` does, lets go of them again.
mkdir -p "$main/.rsft"
flock "$main/.rsft/checkouts.lock" true
# Whom a killed worker left at work goes on; nobody's files may change under it.
if [ "$name" = retrain ] && [ -e "$tree/.rsft/lock" ] && ! flock --nonblock "$tree/.rsft/lock" true; then
  tree=$tree-${PREFECT__FLOW_RUN_ID:-$$}
fi
# What failed beside such a one is gone on with, too, once that has succeeded.
if [ "$name" = retrain ] && [ ! -e "$tree/.git" ]; then
  for other in "$tree"-*; do
    if [ -e "$other/.rsft/lock" ] && flock --nonblock "$other/.rsft/lock" true; then
      rm -rf "$tree"
      git -C "$main" worktree move "$other" "$tree"
      break
    fi
  done
fi
if [ -e "$tree/.git" ]; then
  touch "$tree/.git"
  if [ "$name" = retrain ]; then
    mkdir -p "$tree/.rsft"
    touch "$tree/.rsft/resumed"
    rm -f "$(git -C "$tree" rev-parse --path-format=absolute --git-path index.lock)"  # of a git that was killed
  fi
  git -C "$tree" checkout --quiet --force --detach "$(git -C "$main" rev-parse HEAD)"
else
  rm -rf "$tree"  # whoever removed it was killed
  git -C "$main" worktree prune
  git -C "$main" worktree add --quiet --force --detach "$tree"
fi
if [ "$name" = retrain ] && [ -d "$main/data/raw" ]; then
  mkdir -p "$tree/data/raw"
  # What is there already stays untouched: what was computed from it goes by the times of the files.
  differing -13 | (cd "$tree/data/raw" && xargs --null --no-run-if-empty rm -rf --)
  differing -23 | (cd "$main/data/raw" && xargs --null --no-run-if-empty \
    cp --archive --reflink=auto --parents --target-directory="$tree/data/raw" --)
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
