/* SPDX-License-Identifier: Apache-2.0 */
/* engine/name_generator.h: names for containers that were given none: adjective_surname. */
#ifndef CREEL_ENGINE_NAME_GENERATOR_H
#define CREEL_ENGINE_NAME_GENERATOR_H

#include <stddef.h>

enum { NAME_GENERATED_MAX = 48 };
/* Draw a name into buf (NAME_GENERATED_MAX bytes). attempt 0 gives letters and one underscore; later ones, which happen
 * when a name was taken, end in a random digit as well. */
void name_generate(unsigned attempt, char *buf);

#endif
