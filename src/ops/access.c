/* SPDX-License-Identifier: Apache-2.0
 * Runs after every request, outside its memory budget: so it takes nothing from the arena. */
#include "ops/access.h"

#include <stdio.h>

#include "core/log.h"
#include "ops/http_metrics.h"

/* Texts that go between quotes as they are. Routes and addresses have no others; should one, it
 * is left out. */
static Str plain(Str text) {
    for (ptrdiff_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < ' ' || byte > '~' || byte == '"' || byte == '\\') return S("");
    }
    return text;
}

static void access_log(Ctx *c, const Req *q, const Reply *r, int64_t duration_us) {
    char members[512];
    Str route = plain(c->route), ip = plain(q->client_ip);
    int n =
        snprintf(members, sizeof members,
                 "\"route\":\"%.*s\",\"method\":\"%s\",\"status\":%d,\"duration_ms\":%lld.%03d,"
                 "\"bytes\":%lld,\"ip\":\"%.*s\"",
                 S_ARG(route), method_name(q->method), r->status, (long long)(duration_us / 1000),
                 (int)(duration_us % 1000), (long long)r->sent_bytes, S_ARG(ip));
    if (n <= 0 || n >= (int)sizeof members) return;
    log_fields(c, LOG_INFO, S("request"), str_of(members, n));
}

/* An answer that lasts as long as somebody listens says nothing about how quick we are. */
static bool lasts(const Reply *r) {
    return r->status == 101 || str_starts(r->content_type, S("text/event-stream"));
}

void access_done(Ctx *c, const Req *q, const Reply *r) {
    int64_t duration_us = max_i64(mono_us() - q->started_us, 0);
    http_metrics_count((HttpSeen){
        .route = c->route,
        .method = q->method,
        .status = r->status,
        .duration_us = lasts(r) ? -1 : duration_us,
        .bytes = r->sent_bytes,
    });
    if (log_enabled(LOG_INFO)) access_log(c, q, r, duration_us);
}
