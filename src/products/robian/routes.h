/* SPDX-License-Identifier: Apache-2.0
 * The tables of routes of this room, each closed by a row without a path; module.c lists them. */
#ifndef SOCLE_ROBIAN_ROUTES_H
#define SOCLE_ROBIAN_ROUTES_H

#include "api/route.h"

#endif
