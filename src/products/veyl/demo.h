/* SPDX-License-Identifier: Apache-2.0
 * veyl's demo data: posts of three platforms over the last weeks and a project of the demo user.
 * Made again, it changes nothing but brings no second of anything. */
#ifndef SOCLE_VEYL_DEMO_H
#define SOCLE_VEYL_DEMO_H

#include "core/err.h"

MUST_USE Err *veyl_demo(Ctx *c);

#endif
