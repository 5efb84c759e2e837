#!/usr/bin/env bash
# Makes a worktree of scheduled runs by its name, or moves it to the main checkout's commit; prints its path.
# Worktrees of promotions that are over go: clean ones, in which no process works, and none is about to.
set -euo pipefail
main=$(git rev-parse --path-format=absolute --git-common-dir)
main=$(dirname "$main")
tree=$main/.rsft/worktrees/${1:-scheduled}

is_at_work() {  # where there is no /proc that is not known
  [ -d /proc/self ] || return 0
  for process in /proc/[0-9]*; do
    if [ "$process/cwd" -ef "$1" ]; then return 0; fi
  done
  return 1
}

if [ -e "$tree/.git" ]; then
  touch "$tree/.git"
  git -C "$tree" checkout --quiet --force --detach "$(git -C "$main" rev-parse HEAD)"
else
  git -C "$main" worktree prune
  git -C "$main" worktree add --quiet --force --detach "$tree"
fi
for other in "$main"/.rsft/worktrees/promotion-*; do
  if [ "$other" != "$tree" ] && [ -n "$(find "$other/.git" -mmin +5 2> /dev/null)" ] && ! is_at_work "$other"; then
    git -C "$main" worktree remove "$other" 2> /dev/null || echo "$other is not clean, so it stays" >&2
  fi
done
echo "$tree"
