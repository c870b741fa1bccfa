/* SPDX-License-Identifier: Apache-2.0
 * Every statement of lifetales is one that both engines take. */
#include "products/lifetales/books_sql.h"
#include "products/lifetales/demo_sql.h"
#include "products/lifetales/erase_sql.h"
#include "products/lifetales/export_sql.h"
#include "products/lifetales/illustration_sql.h"
#include "products/lifetales/import_sql.h"
#include "products/lifetales/media_sql.h"
#include "products/lifetales/narrator_sql.h"
#include "products/lifetales/notes_sql.h"
#include "products/lifetales/person_sql.h"
#include "products/lifetales/shares_sql.h"
#include "products/lifetales/spaces_sql.h"
#include "products/lifetales/story_sql.h"
#include "products/lifetales/transcription_sql.h"
#include "unit/work/work_world.h"

typedef struct Named {
    const char *name, *text;
} Named;

/* Statements that only the other engine has are left out. */
WORK(every_statement_is_prepared) {
    static const Named all[] = {
// clang-format off
#define X(name, text) {#name, text},
        LIFETALES_BOOKS(X)
        LIFETALES_DEMO(X)
        LIFETALES_ERASE(X)
        LIFETALES_EXPORT(X)
        LIFETALES_ILLUSTRATION(X)
        LIFETALES_IMPORT(X)
        LIFETALES_MEDIA(X)
        LIFETALES_NARRATOR(X)
        LIFETALES_NOTES(X)
        LIFETALES_PERSON(X)
        LIFETALES_SHARES(X)
        LIFETALES_SPACES(X)
        LIFETALES_STORY(X)
        LIFETALES_TRANSCRIPTION(X)
#undef X
        // clang-format on
    };
    Str others = db_engine(c) == ENGINE_SQLITE ? S("_postgres") : S("_sqlite");
    for (ptrdiff_t i = 0; i < COUNT(all); i++) {
        if (str_ends(str_c(all[i].name), others)) continue;
        t_check(GOOD(db_check(c, SQL(all[i].text))), all[i].name, __FILE__, __LINE__);
    }
}

T_MAIN(BOTH_ROWS(every_statement_is_prepared))
