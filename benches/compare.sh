#!/usr/bin/env bash
# Compares grove with sendme on one machine, over loopback, as whole processes: from the command to
# the ticket, and from the ticket to everything in place. The two take turns, so that a machine that
# drifts drifts for both. Prints medians and the ratio of the sums.
#
#   benches/compare.sh [RUNS]
#
# GROVE and SENDME name the programs; without them, a release build and target/peers/bin/sendme.
set -euo pipefail
cd "$(dirname "$0")/.."

runs=${1:-5}
grove=$(realpath "${GROVE:-target/release/grove}")
sendme=$(realpath "${SENDME:-target/peers/bin/sendme}")
for program in "$grove" "$sendme"; do
    [ -x "$program" ] || { echo "error: no program at $program" >&2; exit 1; }
done

# A network that has nothing but loopback: sendme would ask public servers otherwise.
if [ -z "${BENCH_INSIDE:-}" ]; then
    exec env BENCH_INSIDE=1 GROVE="$grove" SENDME="$sendme" unshare --net --map-root-user \
        bash -c 'ip link set lo up; exec "$0" "$@"' "$PWD/benches/compare.sh" "$runs"
fi

place=$(mktemp -d)
server=
# Whatever still runs when this script fails; it may just have ended by itself.
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$place"' EXIT
export GROVE_OFFLINE=1 GROVE_NO_LAN=1

now() { date +%s.%N; }
since() { echo "$(now) $1" | awk '{ printf "%.3f", $1 - $2 }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print (NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2) }'; }

# Starts a sharer and waits for its ticket: sets server, ticket and the seconds it took.
serve() { # PROGRAM PATH
    local began line; began=$(now)
    if [ "$1" = grove ]; then
        exec 3< <(exec env GROVE_HOME="$place/alice" "$grove" share "$2" 2> "$place/err")
    else
        exec 3< <(cd "$place/alice" && exec "$sendme" send --relay disabled \
            --ticket-type addresses --no-progress "$2" 2> "$place/err")
    fi
    server=$!
    ticket=
    while [ -z "$ticket" ]; do
        read -r line <&3 || { cat "$place/err" >&2; exit 1; }
        [[ $line =~ blob[a-z2-7]+ ]] && ticket=${BASH_REMATCH[0]}
    done
    to_ticket=$(since "$began")
}

stop() {
    kill -INT "$server"
    # Interrupted is how it is meant to end, and not with 0.
    wait "$server" || true
    exec 3<&-
    server=
}

fetch() { # PROGRAM
    rm -rf "$place/there"; mkdir "$place/there"
    local began; began=$(now)
    if [ "$1" = grove ]; then
        GROVE_HOME="$place/bob" "$grove" get "$ticket" -o "$place/there" -q > /dev/null
    else
        (cd "$place/there" && exec "$sendme" receive --relay disabled --no-progress "$ticket" \
            > /dev/null 2>&1)
    fi
    to_placed=$(since "$began")
}

compare() { # NAME PATH
    local program run
    for program in grove sendme; do : > "$place/$program.all"; : > "$place/$program.parts"; done
    for run in $(seq "$runs"); do
        for program in grove sendme; do
            # Nothing is remembered from the run before.
            rm -rf "$place/alice" "$place/bob"; mkdir "$place/alice" "$place/bob"
            serve "$program" "$2"
            fetch "$program"
            diff -rq "$2" "$place/there/$(basename "$2")" > /dev/null
            stop
            echo "$to_ticket $to_placed" | awk '{ print $1 + $2 }' >> "$place/$program.all"
            echo "$to_ticket $to_placed" >> "$place/$program.parts"
        done
    done
    local ours theirs
    ours=$(median < "$place/grove.all"); theirs=$(median < "$place/sendme.all")
    printf '| %s | %.2f s (%.2f + %.2f) | %.2f s (%.2f + %.2f) | %.2f |\n' "$1" \
        "$ours" "$(cut -d' ' -f1 "$place/grove.parts" | median)" "$(cut -d' ' -f2 "$place/grove.parts" | median)" \
        "$theirs" "$(cut -d' ' -f1 "$place/sendme.parts" | median)" "$(cut -d' ' -f2 "$place/sendme.parts" | median)" \
        "$(echo "$ours $theirs" | awk '{ print $1 / $2 }')"
}

# The seconds until a command has ended, or until grove has a ticket; the median of the runs.
repeated() { # NAME COMMAND…
    local name=$1 run; shift
    for run in $(seq "$runs"); do "$@"; done | median | xargs printf '| %s | %.3f s | | |\n' "$name"
}
help() { local began; began=$(now); "$grove" --help > /dev/null; since "$began"; echo; }
ticket_of() { serve grove "$1" > /dev/null; stop 2> /dev/null; echo "$to_ticket"; }

mkdir "$place/alice"
head -c 1G /dev/urandom > "$place/large"
head -c 1000 /dev/urandom > "$place/tiny"
mkdir "$place/many"
awk 'BEGIN { srand(5); for (i = 0; i < 10000; i++) print i, 100 + int(rand() * 19900) }' |
    while read -r number size; do
        mkdir -p "$place/many/$((number / 100))"
        head -c "$size" /dev/urandom > "$place/many/$((number / 100))/$number"
    done

echo "$(nproc) cores, $(uname -srm), $runs runs, medians, $("$grove" --version), $("$sendme" --version)"
echo
echo '| case | grove: all (ticket + fetch) | sendme: all (ticket + fetch) | ratio |'
echo '|---|---|---|---|'
compare 'one file of 1 GiB' "$place/large"
compare '10,000 files of 0.1–20 KB' "$place/many"
repeated '`grove --help`' help
repeated 'a small file, to the ticket' ticket_of "$place/tiny"
ticket_of "$place/large" > /dev/null
repeated 'an unchanged file of 1 GiB, to the ticket' ticket_of "$place/large"
