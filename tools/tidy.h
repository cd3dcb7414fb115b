/* SPDX-License-Identifier: Apache-2.0 */
/* tools/tidy.h: put in front of each file by tools/tidy. The analyzer sees one file at a time: it does not know that
 * these never return anything but -1, and would follow each failure as if it had been a success. */
#include "base/err.h"

#define creel_fail(...) ((void)(creel_fail)(__VA_ARGS__), -1)
#define creel_wrap(...) ((void)(creel_wrap)(__VA_ARGS__), -1)
#define creel_fail_as(...) ((void)(creel_fail_as)(__VA_ARGS__), -1)
#define creel_fail_nomem(...) ((void)(creel_fail_nomem)(__VA_ARGS__), -1)
