/* SPDX-License-Identifier: Apache-2.0
 * Every statement of sylion is one that both engines take. */
#include "products/sylion/assistants_sql.h"
#include "products/sylion/channels_sql.h"
#include "products/sylion/contacts_sql.h"
#include "products/sylion/conversation_sql.h"
#include "products/sylion/conversations_sql.h"
#include "products/sylion/dashboard_sql.h"
#include "products/sylion/demo_sql.h"
#include "products/sylion/documents_sql.h"
#include "products/sylion/knowledge_sql.h"
#include "products/sylion/media_sql.h"
#include "products/sylion/system_sql.h"
#include "products/sylion/tenants_sql.h"
#include "products/sylion/turn_sql.h"
#include "products/sylion/usage_sql.h"
#include "products/sylion/whatsapp_sql.h"
#include "products/sylion/widget_sql.h"
#include "unit/work/work_world.h"

typedef struct Named {
    const char *name, *text;
} Named;

static const Named all[] = {
// clang-format off
#define X(name, text) {#name, text},
    SYLION_ASSISTANTS(X)
    SYLION_CHANNELS(X)
    SYLION_CONTACTS(X)
    SYLION_CONVERSATION(X)
    SYLION_CONVERSATIONS(X)
    SYLION_DASHBOARD(X)
    SYLION_DEMO(X)
    SYLION_DOCUMENTS(X)
    SYLION_KNOWLEDGE(X)
    SYLION_MEDIA(X)
    SYLION_SYSTEM(X)
    SYLION_TENANTS(X)
    SYLION_TURN(X)
    SYLION_USAGE(X)
    SYLION_WHATSAPP(X)
    SYLION_WIDGET(X)
#undef X
    // clang-format on
};

/* Statements that only the other engine has are left out. */
WORK(every_statement_is_prepared) {
    Str others = db_engine(c) == ENGINE_SQLITE ? S("_postgres") : S("_sqlite");
    for (ptrdiff_t i = 0; i < COUNT(all); i++) {
        if (str_ends(str_c(all[i].name), others)) continue;
        t_check(GOOD(db_check(c, SQL(all[i].text))), all[i].name, __FILE__, __LINE__);
    }
}

typedef struct PlanLine {
    Str detail;
} PlanLine;
static const Field plan_fields[] = {FIELD(PlanLine, detail)};
static const Record plan_record = RECORD(PlanLine, plan_fields);

static ptrdiff_t parameters(const char *text) {
    ptrdiff_t most = 0;
    for (const char *at = text; (at = strchr(at, '$')); at++)
        if (strtol(at + 1, NULL, 10) > most) most = strtol(at + 1, NULL, 10);
    return most;
}

/* What is about all that a tenant has ever heard and said. */
static bool about_all(const char *name) {
    static const char *const those[] = {"messages_page",      "messages_count",
                                        "dashboard_messages", "dashboard_failures",
                                        "demo_unanswered",    "demo_conversation"};
    for (int i = 0; i < COUNT(those); i++)
        if (strcmp(name, those[i]) == 0) return true;
    return false;
}

/* A turn that reads its tenant's messages costs more with every one that there is. */
WORK(no_statement_about_a_conversation_reads_all_messages_of_its_tenant) {
    if (db_engine(c) != ENGINE_SQLITE) return;
    static const Value none[60];
    int of_turns = 0;
    for (ptrdiff_t i = 0; i < COUNT(all); i++) {
        if (str_ends(str_c(all[i].name), S("_postgres")) || about_all(all[i].name)) continue;
        const char *explained =
            str_cstr(c->arena, strf(c->arena, "EXPLAIN QUERY PLAN %s", all[i].text));
        Rows plan;
        if (!GOOD(db_query(c, SQL(explained), (Args){none, parameters(all[i].text)}, &plan_record,
                           &plan)))
            continue;
        for (ptrdiff_t k = 0; k < plan.count; k++) {
            Str detail = ((const PlanLine *)plan.items)[k].detail;
            bool bad = str_find(detail, S("messages_tenant")) >= 0 ||
                       str_eq(detail, S("SCAN m")) || str_eq(detail, S("SCAN messages"));
            of_turns += str_find(detail, S("messages_turn")) >= 0;
            t_check(!bad, all[i].name, __FILE__, __LINE__);
        }
    }
    CHECK_INT(of_turns, 2); /* plans were looked at */
}

T_MAIN(BOTH_ROWS(every_statement_is_prepared),
       BOTH_ROWS(no_statement_about_a_conversation_reads_all_messages_of_its_tenant))
