/* SPDX-License-Identifier: Apache-2.0
 * Projects and their links. Who may see one: its creator, and the members of its organisation.
 * Who may change one: its creator, and that organisation's admins and owners. For everybody else
 * it is not there: NOT_FOUND `Project not found`. A key of an organisation acts within that one
 * alone.
 *
 * platforms, scope_type, scope_query, creators_count and posts_count follow from the links in
 * the transaction that changes them. A project that has no link yet keeps the platforms it was
 * made with. */
#ifndef SOCLE_VEYL_PROJECT_H
#define SOCLE_VEYL_PROJECT_H

#include "data/db.h"
#include "products/veyl/records.h"

/* As c->account's user sees it; with relations unless flat. */
MUST_USE Err *project_load(Ctx *c, Id id, Project *out);
MUST_USE Err *project_load_flat(Ctx *c, Id id, Project *out);
/* NOT_FOUND when invisible, FORBIDDEN when only readable. */
MUST_USE Err *project_load_for_change(Ctx *c, Id id, Project *out);
/* Inside a transaction: nobody else changes its links until the end. */
MUST_USE Err *project_lock(Ctx *c, Id id);

/* Inside a transaction that holds the lock; project_scope_refresh at its end. *linked is false
 * when the link was there already. Names are folded here. */
typedef Err *(*LinkMake)(Ctx *c, Id project, Str name, Id platform, bool *linked);
MUST_USE Err *project_hashtag_link(Ctx *c, Id project, Str name, Id platform, bool *linked);
MUST_USE Err *project_hashtag_unlink(Ctx *c, Id project, const ProjectHashtag *link);
MUST_USE Err *project_creator_link(Ctx *c, Id project, Str username, Id platform, bool *linked);
MUST_USE Err *project_creator_unlink(Ctx *c, Id project, const ProjectCreator *link);
MUST_USE Err *project_scope_refresh(Ctx *c, Id project);

MUST_USE Err *project_hashtags(Ctx *c, Id project, RecordList *out);
MUST_USE Err *project_creators(Ctx *c, Id project, RecordList *out);

#endif
