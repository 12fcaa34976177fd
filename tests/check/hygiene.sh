#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The tree itself: fixed top level, licence lines, no leftovers, sizes that can be read, nothing of the machine it was written on.
# Each rule is also shown to fail on a small tree that breaks it.
set -u
cd "$(dirname "$0")/../.." || exit 1

TOP='LICENSE Makefile README.md bpf policies tests tools userspace'
MAX_FILE_LINES=800
MAX_FUNCTION_LINES=100
# Put together here so that this file does not contain what it forbids.
LEFTOVERS="\\b(TO""DO|FIX""ME|XX""X|HA""CK|not impl""emented|unimpl""emented)\\b"
# Folders of people and of build machines; the folder of this checkout joins below.
PATHS="(/ho""me/[a-z]|/ro""ot/|/Us""ers/|/work""space/)"

# Files that belong to the tree: tracked or new, not ignored; without git, everything but build/.
files() {
    if [ -e .git ] && command -v git >/dev/null; then
        git -c safe.directory='*' ls-files -co --exclude-standard | sort -u | while read -r f; do [ -e "$f" ] && echo "$f"; done
    else
        find . -type f -not -path './build/*' -not -path './.git/*' -not -name '*.pyc' | sed 's|^\./||' | sort
    fi
}
text_files() {
    files | tr '\n' '\0' | xargs -0 -r grep -lI '' --
}

top_level() {
    local have
    have=$(files | sed 's|/.*||' | sort -u | grep -v '^\.')
    diff <(tr ' ' '\n' <<<"$TOP" | LC_ALL=C sort) <(LC_ALL=C sort <<<"$have") | sed -n 's/^< /missing: /p; s/^> /not of the fixed list: /p'
}
licence_lines() {
    files | grep -E '\.([chly]|sh|py|service|mk)$|^Makefile$|^tests/run$|^\.ci/run$' | while read -r f; do
        head -n 5 "$f" | grep -q 'SPDX-License-Identifier: ' || echo "$f: no SPDX-License-Identifier in the first 5 lines"
    done
}
leftovers() {
    text_files | grep -vE '^LICENSE$' | tr '\n' '\0' | xargs -0 -r grep -nE "$LEFTOVERS" -- /dev/null
}
paths() {
    local here pattern=$PATHS
    here=$(pwd -P)
    # A checkout directly below / or in a folder named like everyday words would match everything.
    [ ${#here} -gt 6 ] && pattern="$pattern|$(sed 's/[][\.*^$+?(){}|]/\\&/g' <<<"$here")(/|\\b)"
    text_files | grep -vE '^LICENSE$' | tr '\n' '\0' | xargs -0 -r grep -nE "$pattern" -- /dev/null
}
file_sizes() {
    text_files | grep -E '\.[ch]$|\.sh$|\.py$' | while read -r f; do
        lines=$(wc -l <"$f")
        [ "$lines" -le $MAX_FILE_LINES ] || echo "$f: $lines lines, at most $MAX_FILE_LINES"
    done
}
# A function opens and closes with a brace in the first column, which the formatter sees to.
function_sizes() {
    files | grep '\.c$' | tr '\n' '\0' | xargs -0 -r awk -v max=$MAX_FUNCTION_LINES '
        FNR == 1 { start = 0 }
        /^\{/ { start = FNR }
        /^\}/ { if (start && FNR - start - 1 > max) print FILENAME ":" start ": " FNR - start - 1 " lines, at most " max; start = 0 }'
}
# A script without the run bit would silently not be run, unless another one reads it.
run_bits() {
    files | grep -E '^tests/(e2e|check)/[^/]*\.(sh|py)$' | while read -r f; do
        [ -x "$f" ] && continue
        base=$(basename "$f")
        case $base in *.py) words="\\b${base%.py}\\b" ;; *) words="\\b$base\\b" ;; esac
        grep -lE "$words" tests/*/*.sh tests/*/*.py 2>/dev/null | grep -qvx "$f" ||
            echo "$f: neither executable nor used by another test"
    done
}

n=0
result() {
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        echo "not ok $n - $1"
        head -n 40 <<<"$2" | sed 's/^/# /'
    fi
}

RULES='top_level licence_lines leftovers paths file_sizes function_sizes run_bits'
for rule in $RULES; do
    result "${rule}__this_tree__clean" "$($rule)"
done

# A tree that breaks every rule once.
bad=$(mktemp -d)
trap 'rm -rf "$bad"' EXIT
mkdir -p "$bad/userspace" "$bad/tests/e2e" "$bad/stray"
printf 'int a;\n/* %s: later */\n/* %s */\n' "TO""DO" "/ho""me/someone/x" >"$bad/userspace/a.c"
{
    echo 'static void f(void)'
    echo '{'
    yes '	;' | head -n $((MAX_FILE_LINES + 1))
    echo '}'
} >"$bad/userspace/b.c"
echo 'echo ok' >"$bad/tests/e2e/forgotten.sh"
echo stray >"$bad/stray/x"
for rule in $RULES; do
    result "${rule}__broken_tree__noticed" "$(cd "$bad" && [ -z "$($rule)" ] && echo "nothing reported")"
done
echo "1..$n"
