/* SPDX-License-Identifier: Apache-2.0
 * How others reach this server. */
#ifndef SOCLE_API_PUBLIC_URL_H
#define SOCLE_API_PUBLIC_URL_H

#include "net/http.h"

/* Scheme and host, without a slash at the end: `named` (a product's own setting), else PUBLIC_URL, else
 * as the request named them. */
Str public_url(Ctx *c, const Req *q, Str named);

#endif
