#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The command line itself: help, pages, completion, mistakes, lists and templates.
load helpers

commands() { # every command that is listed
    "$CREEL" --help | awk '/^[A-Z].*:$/ { section = $0 } /^  [a-z]/ && section != "Options:" { sub(/^  /, ""); sub(/   *.*/, ""); print }'
}
help_options() { grep -oE '^ +(-[A-Za-z], |    )--[a-z0-9-]+' | grep -oE -- '--[a-z0-9-]+' | sort; }
page_options() { sed -n '/^\.SH OPTIONS/,/^\.SH [^O]/p' | sed 's/\\fB//g; s/\\fR//g; s/\\fI//g; s/\\-/-/g' | grep -E '^(-., )?--[a-z]' | grep -oE -- '--[a-z0-9-]+' | sort; }

@test "help and manual page of every command list the same options" {
    creel __man "$T/man"
    [ "$(commands | wc -l)" -gt 35 ]
    while read -r command; do
        page=$T/man/creel-${command// /-}.1
        # shellcheck disable=SC2086
        creel $command --help >"$T/help"
        [ -s "$page" ] || { echo "no page for $command"; false; }
        [ -s "$T/help" ]
        diff <(help_options <"$T/help") <(page_options <"$page") || { echo "$command differs"; false; }
    done < <(commands)
    [ "$(find "$T/man" -name 'creel-*.1' | wc -l)" = "$(commands | wc -l)" ]
}

@test "pages are valid roff" {
    command -v groff >/dev/null || skip "groff is not installed"
    creel __man "$T/man"
    for page in "$T"/man/*.1; do
        groff -man -Tutf8 -ww -z "$page" >"$T/out" 2>&1
        [ ! -s "$T/out" ] || { cat "$T/out"; false; }
    done
}

@test "completion scripts are valid and complete live names" {
    creel create --name for-completion busybox >/dev/null
    creel completion bash >"$T/creel.bash"
    bash -n "$T/creel.bash"
    mkdir "$T/bin" && ln -s "$CREEL" "$T/bin/creel"
    got=$(PATH=$T/bin:$PATH bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _creel; printf "%s\n" "${COMPREPLY[@]}"' \
        bash "$T/creel.bash" creel rm for-)
    [ "$got" = for-completion ]
    got=$(PATH=$T/bin:$PATH bash -c 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _creel; printf "%s\n" "${COMPREPLY[@]}"' \
        bash "$T/creel.bash" creel run busy)
    [ "$got" = busybox:latest ]
    if command -v zsh >/dev/null; then creel completion zsh >"$T/creel.zsh"; zsh -f -n "$T/creel.zsh"; fi
    if command -v fish >/dev/null; then creel completion fish >"$T/creel.fish"; fish --no-execute "$T/creel.fish"; fi
    run --separate-stderr creel completion tcsh
    expect_failure 1 "tcsh"
}

@test "mistakes on the command line are one line and 125" {
    run --separate-stderr creel rnu
    expect_failure 125 "did you mean 'run'"
    run --separate-stderr creel ps --al
    expect_failure 125 "did you mean --all"
    run --separate-stderr creel ps extra
    expect_failure 125 "takes no operands"
    run --separate-stderr creel stop
    expect_failure 125 "at least 1 operand"
    run --separate-stderr creel stop -t soon x
    expect_failure 125 "is not a whole number"
    run --separate-stderr creel --root
    expect_failure 125 "needs a value"
    run --separate-stderr creel update nothing
    expect_failure 125 "say what to change"
    run --separate-stderr creel rm --link x
    expect_failure 125 "links"
}

@test "output that cannot be written is an error" {
    run --separate-stderr bash -c '"$0" --help >/dev/full' "$CREEL"
    expect_failure 1 "No space left"
    run --separate-stderr bash -c '"$0" ps >/dev/full' "$CREEL"
    expect_failure 1 "No space left"
}

@test "output of a container that cannot be written is an error, and its own failure still shows" {
    run --separate-stderr bash -c '"$0" run --rm busybox echo some >/dev/full' "$CREEL"
    expect_failure 125 "writing the output: No space left" || return 1
    run --separate-stderr bash -c '"$0" run --rm busybox sh -c "echo some; exit 7" >/dev/full' "$CREEL"
    expect_failure 7 "No space left" || return 1
    run --separate-stderr bash -c '"$0" run --rm -i busybox cat </etc/passwd >/dev/full' "$CREEL"
    expect_failure 125 "No space left" || return 1
    creel run -d --name talker busybox sh -c 'echo said; sleep 1000' >/dev/null
    run --separate-stderr bash -c '"$0" exec talker echo some >/dev/full' "$CREEL"
    expect_failure 125 "No space left" || return 1
    creel rm -f talker >/dev/null
}

@test "every command that prints says when it cannot" {
    local word
    creel create --name printed busybox >/dev/null
    for word in 'ps -a' 'images' 'inspect printed' 'version' 'info' "events --since 0 --until $(date +%s.%N)" 'history busybox' \
                'image inspect busybox' 'system df' 'create busybox' 'diff printed' 'export printed' 'save busybox' 'check --help' \
                'wait printed' 'rename printed printed2' 'rm -f printed2'; do
        # shellcheck disable=SC2086
        run --separate-stderr bash -c '"$0" "$@" >/dev/full' "$CREEL" $word
        case $word in
        diff* | rename*) expect_code 0 ;; # nothing to print
        *) [ "$status" -ne 0 ] && expect_in "o space left" "$stderr" ;;
        esac || { echo "creel $word: $status $stderr"; return 1; }
    done
}

@test "ps selects, formats and filters" {
    one=$(creel create --name one -l kind=a -l n=1 busybox sleep 1000)
    two=$(creel create --name two -l kind=b busybox echo 'a very long command line that is cut')
    creel start two >/dev/null
    creel wait two >/dev/null
    run creel ps
    [ "${#lines[@]}" = 1 ]
    run creel ps -a
    [ "${#lines[@]}" = 3 ]
    expect_in "Created" "$output"
    expect_in "Exited (0)" "$output"
    [[ ${lines[0]} =~ ^"CONTAINER ID   IMAGE     COMMAND ".*"CREATED ".*"STATUS ".*"PORTS     NAMES"$ ]]
    [[ ${lines[1]} == "${two:0:12}   busybox   \"echo 'a very long c…\""* ]]
    [ "$(creel ps -aq --no-trunc --filter label=kind=a)" = "$one" ]
    [ "$(creel ps -q -n 1 --no-trunc)" = "$two" ]
    [ "$(creel ps -lq)" = "${two:0:12}" ]
    [ "$(creel ps -a --filter status=exited --format '{{.Names}} {{.State}} {{.Label "kind"}}')" = "two exited b" ]
    [ "$(creel ps -a --format '{{.Names}}' --filter name=o | sort | xargs)" = "one two" ]
    [ "$(creel ps -a --filter name=one --format '{{json .Labels}}')" = '"kind=a,n=1"' ]
    [ "$(creel ps -a --format 'table {{.Names}}\t{{.Label "kind"}}' | tr -s ' ' | xargs)" = "NAMES kind two b one a" ]
    [ "$(creel container ls -a --format json | wc -l)" = 2 ]
    creel ps -a --format json | python3 -c 'import json,sys; assert [json.loads(l)["Names"] for l in sys.stdin] == ["two", "one"]'
    [[ $(creel ps -as --filter name=two --format '{{.Size}}') == *" (virtual "*")" ]]
    run --separate-stderr creel ps --filter colour=red
    expect_failure 1 "invalid filter 'colour'"
    run --separate-stderr creel ps --format '{{.Nothing}}' -a
    expect_failure 1 "can't evaluate field Nothing"
    run --separate-stderr creel ps --format '{{.ID'
    expect_failure 1 "template parsing error: template: :1: unclosed action"
}

@test "inspect prints what it finds and reports what it does not" {
    id=$(creel create --name seen -l 'x.y/z=1' busybox)
    run --separate-stderr creel inspect seen nothing busybox
    expect_code 1
    [ "$stderr" = "Error: No such object: nothing" ]
    python3 -c 'import json,sys; d=json.loads(sys.argv[1]); assert [len(d), d[0]["Name"], d[1]["RepoTags"][0]] == [2, "/seen", "busybox:latest"]' "$output"
    run --separate-stderr creel inspect nothing
    expect_code 1
    [ "$output" = "[]" ]
    [ "$(creel inspect -f '{{.Id}} {{index .Config.Labels "x.y/z"}} {{.State.Status}}' seen)" = "$id 1 created" ]
    [ "$(creel inspect -f '{{if .State.Health}}h{{else}}none{{end}} {{.HostConfig.Binds}} {{.Config.Labels.no}}' seen)" = "none [] <no value>" ]
    [ "$(creel inspect --type image -f '{{index .RepoTags 0}}' busybox)" = busybox:latest ]
    [ "$(creel inspect --format json seen | wc -l)" = 1 ]
    run --separate-stderr creel inspect -f '{{.Foo}}' seen
    expect_failure 1 'template parsing error: template: :1:2: executing "" at <.Foo>: map has no entry for key "Foo"'
    run --separate-stderr creel image inspect seen
    expect_code 1
}

@test "several operands are each handled and reported" {
    creel create --name first busybox >/dev/null
    creel create --name second busybox >/dev/null
    run --separate-stderr creel rm first missing second
    expect_code 1
    [ "$output" = $'first\nsecond' ]
    expect_in "No such container: missing" "$stderr"
    run --separate-stderr creel rm -f missing
    expect_code 0
    expect_in "No such container: missing" "$stderr"
}

@test "events have revisions that can be continued after" {
    creel create --name told busybox >/dev/null
    rev=$(creel events --since 1h --no-follow --filter container=told --filter event=create --format '{{.Rev}}')
    [ -n "$rev" ]
    creel rename told told2
    run creel events --after "$rev" --no-follow --filter container=told2 --format '{{.Action}} {{.Actor.Attributes.name}}'
    [ "${lines[0]}" = "rename told2" ]
    creel events --after "$rev" --no-follow --format json | python3 -c '
import json, sys
for line in sys.stdin:
    e = json.loads(line)
    assert e["Type"] == "container" and e["Actor"]["ID"] == e["id"] and e["timeNano"] // 10**9 == e["time"], e'
    run creel events --since 1h --until 0s
    expect_in "container create" "$output"
}

@test "control characters in names of files and labels do not reach a terminal" {
    creel create --name plain -l "evil=$(printf '\033[31mred')" busybox >/dev/null
    run "$PTY" -- "$CREEL" ps -a --format '{{.Labels}}'
    expect_in '\x1b[31mred' "$output"
    [[ $output != *$'\033[31m'* ]]
    run creel ps -a --format '{{.Labels}}'
    [[ $output == *$'\033[31m'* ]]
    run creel ps -a --format 'table {{.Labels}}'
    [[ $output != *$'\033'* ]]
}

@test "prune asks, and removes what is not used" {
    creel create --name stopped busybox >/dev/null
    run --separate-stderr creel container prune </dev/null
    expect_code 1
    [ -n "$(creel ps -aq)" ]
    run bash -c 'echo y | "$0" container prune' "$CREEL"
    expect_code 0
    expect_in "Total reclaimed space:" "$output"
    no_containers
    creel tag busybox:latest used:1
    creel create --name user used:1 >/dev/null
    run creel image prune -af
    expect_code 0
    [ -n "$(creel images -q busybox)" ]
}

@test "images, history and df agree" {
    run creel images
    expect_in "busybox      latest" "$output"
    id=$(creel images -q --no-trunc busybox:latest)
    [[ $id == sha256:* ]]
    [ "$(creel history -q --no-trunc busybox | head -1)" = "$id" ]
    [ "$(creel image inspect -f '{{.Id}}' busybox)" = "$id" ]
    run creel system df
    expect_in "Images" "$output"
    expect_in "Containers" "$output"
    creel tag busybox other/name:2
    [ "$(creel images -q --no-trunc other/name)" = "$id" ]
    run creel rmi other/name:2
    expect_out "Untagged: other/name:2"
}

@test "version, info and check speak" {
    [ "$(creel version --format '{{.Server.Version}}')" = "$(creel --version | cut -d' ' -f3)" ]
    creel info --format json | python3 -c 'import json,sys; d=json.load(sys.stdin); assert d["OSType"] == "linux" and d["Images"] >= 1, d'
    run creel check
    expect_code 0
    [ -z "$output" ]
}
