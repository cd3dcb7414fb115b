/* SPDX-License-Identifier: Apache-2.0 */
/* cli/confirm.c: see confirm.h. */
#include "cli/confirm.h"

#include <string.h>
#include <strings.h>

bool confirm(struct cli *c, const char *warning)
{
    char answer[16] = "";
    (void)fprintf(cli_out(c), "%s\nAre you sure you want to continue? [y/N] ", warning);
    if (!cli_flush(c)) /* nobody has seen the question */
        return false;
    if (fgets(answer, sizeof answer, stdin) == NULL) {
        (void)fputc('\n', cli_out(c)); /* main looks at ferror */
        return false;
    }
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}
