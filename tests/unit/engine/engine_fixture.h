/* SPDX-License-Identifier: Apache-2.0 */
/* A real engine below a temporary directory, with one image "busybox" of one layer that has a passwd and a group file. */
#ifndef CREEL_TESTS_ENGINE_FIXTURE_H
#define CREEL_TESTS_ENGINE_FIXTURE_H

#include "engine/engine.h"

struct engine_fixture { char dir[64]; struct creel *e; };
/* cmocka set-up and tear-down; *state is the fixture. */
int engine_fixture_open(void **state);
int engine_fixture_close(void **state);
/* Write a file below the image's layer; directories on the way must exist. */
void engine_fixture_layer_file(struct engine_fixture *f, const char *path, const char *text);
/* The text of a file, malloc'd; fails the test when it cannot be read. */
char *engine_fixture_read(const char *path);

#endif
