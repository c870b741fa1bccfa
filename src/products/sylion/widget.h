/* SPDX-License-Identifier: Apache-2.0
 * The widget: visitors of a website write on a channel of type web (or voice), without an account.
 *
 * A visitor is a session: a random token, of which the database has the hash, that expires, and a
 * contact of its own. Everything a visitor asks names the channel and the session in its path and
 * shows the token as Bearer; what does not fit together (another session's token, another channel's,
 * an expired one, a channel that is deleted or switched off, a tenant that is) answers like what was
 * never there.
 *
 * Which websites' pages may ask is the channel's config.allowedOrigins, beside our own: an origin
 * exactly, or with a star in its place for all names below one (*.example.org). That protects visitors
 * from other people's pages; it cannot keep programs out, which may send any Origin or none. So who
 * sends none (a server, curl) is let in, and limits are what guards a channel. */
#ifndef SOCLE_SYLION_WIDGET_H
#define SOCLE_SYLION_WIDGET_H

#include "api/route.h"
#include "products/sylion/channels.h"
#include "work/jobs.h"

/* A visitor's session, as its token finds it. */
typedef struct Visitor {
    Id n, contact_n;
    Str id, contact_id, user_key;
    Time expires_at;
} Visitor;

/* A channel where visitors come, whosever it is, and its tenant's scope. NOT_FOUND
 * CHANNEL_NOT_FOUND, also when either is switched off. */
MUST_USE Err *visited_channel(Ctx *c, Str channel_id, Scope *s, Channel *channel);
/* FORBIDDEN unless the page that asks is one of the channel's, or ours, or nobody says. */
MUST_USE Err *origin_require(Ctx *c, const Req *q, const Channel *channel);
/* The Bearer of a request; null: none. */
Str visitor_token(const Req *q);
/* NOT_FOUND SESSION_NOT_FOUND when it is none of the channel's. */
MUST_USE Err *visitor_of_token(Ctx *c, const Scope *s, const Channel *channel, Str token,
                               Visitor *out);
/* All of it for a request on /…/{channelId}/sessions/{sessionId}…. UNAUTHENTICATED without a token. */
MUST_USE Err *visitor_of_call(Ctx *c, const Call *k, Scope *s, Channel *channel, Visitor *out);
/* One more of what is limited to `limit` a minute: RATE_LIMITED, saying `what`. */
MUST_USE Err *visits_limit(Ctx *c, const char *what, Str key, int64_t limit);

/* (tx) Visitors who look on are told that their conversation has something new. Last. */
MUST_USE Err *visitor_tell(Ctx *c, Str contact_id);

/* Route.may_read of the widget's routes. */
bool widget_may_read(Ctx *c, const Req *q, const Str *params, Str origin);
/* Does the channel's list name this origin? */
bool origin_listed(Ctx *c, StrList allowed, Str origin);

#define VISITED .access = ACCESS_OPEN, .may_read = widget_may_read, .tag = "widget"

/* What a visitor sees of a message. */
typedef struct WidgetMessage {
    Str id, client_id, author, type, content, status;
    RecordList citations;
    Time created_at;
} WidgetMessage;
extern const Record widget_message_record;
/* As the statements of widget.sql read it. */
typedef struct WidgetRow {
    Id n, conversation_n;
    Str id, external_id, type, direction, author, content, status;
    JsonText metadata;
    Time created_at;
} WidgetRow;
extern const Record widget_row_record;
void widget_message_show(Ctx *c, const WidgetRow *row, WidgetMessage *out);

Err *widget_events(Ctx *c, Call *k);

/* Run of the job that drops sessions which have expired. */
#define WIDGET_PURGE_JOB "sylion.widget_sessions"
Err *widget_purge_run(Ctx *c, Job *job);

#endif
