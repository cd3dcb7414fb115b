/* SPDX-License-Identifier: Apache-2.0 */
/* cli/run_options.h: the options of `creel run` and `creel create`: one list, to which run adds how it attaches. */
#ifndef CREEL_CLI_RUN_OPTIONS_H
#define CREEL_CLI_RUN_OPTIONS_H

#include "cli/command.h"

extern const struct cli_option run_options[];
extern const struct cli_option create_options[];

#endif
