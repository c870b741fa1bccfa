/* SPDX-License-Identifier: Apache-2.0
 * What is kept of every request: a count in the metrics and, at LOG_LEVEL info, one line in the log
 * (time, level, request id, route, method, status, duration, bytes, user, tenant, client address).
 * Never the path, the query, a header or a body: they hold people's things. */
#ifndef SOCLE_OPS_ACCESS_H
#define SOCLE_OPS_ACCESS_H

#include "net/http.h"

/* After the reply is out. Does not wait. */
void access_done(Ctx *c, const Req *q, const Reply *r);

#endif
