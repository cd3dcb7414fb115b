#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What `meson install` places, and a program outside the tree that uses the library.
load helpers

@test "programs, headers, pages, completion and the unit are placed, and all of them speak of this prefix" {
    DESTDIR=$T/dest meson install -C "$CREEL_BUILD" --no-rebuild >"$T/log" 2>&1 || { cat "$T/log"; false; }
    prefix=$(find "$T/dest" -path '*/bin/creel' | sed 's,/bin/creel$,,')
    [ -x "$prefix/bin/creel" ]
    for program in creel-monitor creel-archive creel-init; do
        [ -x "$prefix/libexec/creel/$program" ]
    done
    for header in archive container engine error event image; do
        [ -f "$prefix/include/creel/$header.h" ]
    done
    [ -f "$prefix/share/man/man1/creel.1" ] && [ -f "$prefix/share/man/man1/creel-container-prune.1" ]
    [ -s "$prefix/share/bash-completion/completions/creel" ]
    [ -s "$prefix/share/zsh/site-functions/_creel" ]
    [ -s "$prefix/share/fish/vendor_completions.d/creel.fish" ]
    grep -q "^ExecStart=${prefix#"$T/dest"}/bin/creel check --repair$" "$prefix/lib/systemd/system/creel-recover.service"
    [ "$("$prefix/bin/creel" --version)" = "$(creel --version)" ]
}

@test "the library exports its public calls and nothing else" {
    lib=$CREEL_BUILD/libcreel.so.0
    [ -e "$lib" ] || skip "this build has no shared library"
    nm -D --defined-only "$lib" | awk '$2 != "A" { print $3 }' | sort >"$T/exported"
    run grep -v '^creel_' "$T/exported"
    expect_code 1
    grep -ohE '\bcreel_[a-z_]+\(' "$TOP"/include/creel/*.h | tr -d '(' | sort -u >"$T/promised"
    run comm -23 "$T/promised" "$T/exported"
    expect_out ""
}

@test "every public header stands alone, and a program can be built with pkg-config alone" {
    [ -e "$CREEL_BUILD/libcreel.so.0" ] || skip "this build has no shared library"
    DESTDIR=$T/dest meson install -C "$CREEL_BUILD" --no-rebuild >"$T/log" 2>&1 || { cat "$T/log"; false; }
    for header in "$TOP"/include/creel/*.h; do
        printf '#include <creel/%s>\n' "$(basename "$header")" | cc -std=c99 -pedantic-errors -Wall -Werror -I"$TOP/include" -xc -fsyntax-only -
    done
    cat >"$T/count.c" <<'EOF'
#include <creel/container.h>
#include <stdio.h>
static int each(void *arg, const struct creel_container_row *row)
{
    printf("%s %s\n", row->name, row->state);
    return 0;
}
int main(void)
{
    struct creel_options o = { sizeof o };
    struct creel_list_options l = { sizeof l };
    struct creel_err err;
    struct creel *e;
    l.all = 1;
    if (creel_open(&o, &e, &err) < 0 || creel_container_list(e, &l, each, NULL, &err) < 0) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    creel_close(e);
    return 0;
}
EOF
    pc=$(find "$T/dest" -name creel.pc)
    export PKG_CONFIG_PATH=${pc%/creel.pc} PKG_CONFIG_SYSROOT_DIR=$T/dest
    # shellcheck disable=SC2046
    cc -o "$T/count" "$T/count.c" $(pkg-config --cflags --libs creel)
    creel create --name through-the-library busybox >/dev/null
    run env LD_LIBRARY_PATH="$(dirname "${pc%/pkgconfig/creel.pc}")/$(basename "${pc%/pkgconfig/creel.pc}")" "$T/count"
    expect_out "through-the-library created"
}
