/* SPDX-License-Identifier: Apache-2.0 */
/* engine/image_config.h: putting a request over the configuration of its image. */
#ifndef CREEL_ENGINE_IMAGE_CONFIG_H
#define CREEL_ENGINE_IMAGE_CONFIG_H

#include "base/err.h"
#include "spec/schema.h"

/* image_config: an image configuration document; only its member "config" is read, and of that only what has the right
 * form: an image can make a container fail, but not say anything a request could not. config: a normalised Config, changed
 * in place. Errors: INVALID "No command specified" · INVALID an image with values that no request could have. */
int image_config_merge(const char *image_config, json_t *config, struct creel_err *err);

#endif
