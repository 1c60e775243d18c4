#!/usr/bin/env bash
#
# Devstack's side of its contract with a plugin:
#
#     harness.sh FOLDER MODE [PHASE]...
#
# sources FOLDER/settings, and FOLDER/plugin.sh for each phase, in one shell that ends at the first
# error, as stack.sh does. There are the functions of functions.txt, which take as many arguments as
# devstack's, and the programs of $PROGRAMS. Anything else is written to $HARNESS/violations, since a
# subshell may swallow an error; so is every call, to $HARNESS/calls. devstack.py does the real things.
set -o errexit -o nounset -o xtrace

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=$1 mode=$2
shift 2
PATH=$PROGRAMS
ENABLED_SERVICES=${ENABLED_SERVICES:-}

violation() {
    echo "$1" >>"$HARNESS/violations"
    exit 97
}

command_not_found_handle() {
    violation "$1 is neither a function of devstack nor a program"
}

# checked NAME LEAST MOST ARGUMENT...
checked() {
    local name=$1 least=$2 most=$3
    shift 3
    if (($# < least)) || { [[ $most != '*' ]] && (($# > most)); }; then
        violation "$name takes $least to $most arguments, not $#: $*"
    fi
    echo "$name $*" >>"$HARNESS/calls"
    if declare -F "play_$name" >/dev/null; then
        "play_$name" "$@"
    else
        "$PYTHON" "$here/devstack.py" "$name" "$@"
    fi
}

while read -r name least most _; do
    if [[ $name == [a-z]* ]]; then
        eval "$name() { checked $name $least '$most' \"\$@\"; }"
    fi
done <"$here/functions.txt"

# What has to happen in this shell itself.
play_define_plugin() { :; }
play_plugin_requires() { :; }
play_echo_summary() { echo "$*"; }
play_ipv6_unquote() { echo "${1//[][]/}"; }

play_enable_service() {
    local service
    for service in "$@"; do
        ENABLED_SERVICES+=,$service
    done
    export ENABLED_SERVICES
}

play_is_service_enabled() {
    local service
    for service in "$@"; do
        [[ ,$ENABLED_SERVICES, != *,$service,* ]] || return 0
    done
    return 1
}

play_die() {
    echo "[ERROR] line $1: ${*:2}" >&2
    exit 1
}

play_die_if_not_set() {
    [[ -n ${!2:-} ]] || play_die "$1" "${*:3}"
}

# A program, to which the shell's functions are unknown.
sudo() { command "$@"; }

# shellcheck source=/dev/null
source "$folder/settings"
for phase in "${@:-}"; do
    # shellcheck source=/dev/null disable=SC2086  # no phase is no argument
    source "$folder/plugin.sh" "$mode" $phase
done
