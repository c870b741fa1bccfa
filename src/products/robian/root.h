/* SPDX-License-Identifier: Apache-2.0
 * What `/` says of robian. */
#ifndef SOCLE_ROBIAN_ROOT_H
#define SOCLE_ROBIAN_ROOT_H

#include "api/pages.h"

void robian_root(Ctx *c, RootDocument *d);

#endif
