/* SPDX-License-Identifier: Apache-2.0 */
/* tests/unit/check.h: what every unit test includes. */
#ifndef CREEL_TESTS_CHECK_H
#define CREEL_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
