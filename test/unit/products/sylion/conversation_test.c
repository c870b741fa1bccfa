/* SPDX-License-Identifier: Apache-2.0
 * The promises of conversation.h, on both engines: one message however often and by however many it is
 * delivered, order, statuses in any order, contacts that turn out to be one, and jobs that are never
 * forgotten. */
#include "core/rand.h"
#include "products/sylion/sylion.h"
#include "unit/products/sylion/sylion_world.h"

static int64_t number(Ctx *c, const char *sql) { return count_rows(c, sql); }

static Str text_at(Ctx *c, const char *sql) {
    Contact row = {0}; /* for its name */
    GOOD(db_one(c, SQL(sql), NO_ARGS, &contact_record, &row));
    return row.name;
}

static Str status_of(Ctx *c, Id message) {
    Contact row = {0};
    GOOD(db_one(c, SQL("SELECT status AS name FROM messages WHERE n = $1"), ARGS(V(message)),
                &contact_record, &row));
    return row.name;
}

/* No row may come of any of these, whatever was stored by whom. */
static void figures_right(Ctx *c) {
    static const char *const wrong[] = {
        "SELECT count(*) FROM conversations v WHERE message_count <> (SELECT count(*) FROM messages m "
        "WHERE m.conversation_n = v.n)",
        "SELECT count(*) FROM conversations v WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE "
        "m.conversation_n = v.n)",
        "SELECT count(*) FROM contacts k WHERE NOT EXISTS (SELECT 1 FROM conversations v WHERE "
        "v.contact_n = k.n)",
        "SELECT count(*) FROM messages m WHERE m.direction = 'inbound' AND m.status = 'pending' AND "
        "NOT EXISTS (SELECT 1 FROM jobs j WHERE j.state IN ('waiting', 'running') AND j.unique_key = "
        "CAST(m.conversation_n AS text)) AND EXISTS (SELECT 1 FROM conversations v WHERE v.n = "
        "m.conversation_n AND v.status = 'active')",
        "SELECT count(*) FROM messages m JOIN conversations v ON v.n = m.conversation_n WHERE "
        "m.tenant_n <> v.tenant_n OR m.channel_n <> v.channel_n",
    };
    for (ptrdiff_t i = 0; i < COUNT(wrong); i++)
        t_check_int(number(c, wrong[i]), 0, wrong[i], __FILE__, __LINE__);
}

/* -- calls in a transaction of their own ------------------------------------------------------------ */

typedef struct Change {
    const Scope *scope;
    Id id;
    const char *status;
    Str text, external_id;
    Outbound outbound;
    Message message;
    Conversation *conversation;
} Change;

static Err *status_set(Ctx *c, void *arg) {
    Change *a = arg;
    return conversation_set_status(c, a->scope, a->id, a->status, a->text);
}
static Err *state_set(Ctx *c, void *arg) {
    Change *a = arg;
    return message_set(c, a->scope, a->id, a->status, a->text, a->external_id);
}
static Err *conversation_look(Ctx *c, void *arg) {
    Change *a = arg;
    return conversation_lock(c, a->scope, a->id, a->conversation);
}
static Err *speak(Ctx *c, void *arg) {
    Change *a = arg;
    return outbound_add(c, a->scope, a->id, &a->outbound, &a->message);
}

/* -- once ------------------------------------------------------------------------------------------ */

WORK(a_message_delivered_again_is_the_same_message) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Inbound in = text_of("wamid.1", "+33612345678", NULL, "Bonjour");
    in.name = S("Ana");
    Stored first, again;
    MUST(store_inbound(c, &s, &h, &in, 1, &first));
    MUST(store_inbound(c, &s, &h, &in, 1, &again));
    CHECK(!first.known && again.known);
    CHECK_INT(again.message.value, first.message.value);
    CHECK_INT(again.conversation.value, first.conversation.value);
    CHECK_STR(again.message_id, first.message_id);
    CHECK_INT(number(c, "SELECT count(*) FROM messages"), 1);
    CHECK_INT(number(c, "SELECT unread_count FROM conversations"), 1);
    CHECK_INT(number(c, "SELECT count(*) FROM jobs"), 1);
    CHECK_INT(number(c, "SELECT count(*) FROM events WHERE type = 'message.created'"), 1);
    CHECK_STR(text_at(c, "SELECT user_name AS name FROM conversations"), S("Ana"));
    CHECK_STR(text_at(c, "SELECT last_message AS name FROM conversations"), S("Bonjour"));
    figures_right(c);
}

WORK(twice_in_one_call_is_once) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Inbound in[3] = {text_of("a", "+331", NULL, "1"), text_of("a", "+331", NULL, "1"),
                     text_of("b", "+331", NULL, "2")};
    Stored out[3];
    MUST(store_inbound(c, &s, &h, in, 3, out));
    CHECK(!out[0].known && out[1].known && !out[2].known);
    CHECK_INT(out[1].message.value, out[0].message.value);
    figures_right(c);
}

/* The same wamid on another channel is another message. */
WORK(an_id_is_of_its_channel) {
    Scope s = tenant_make(c, "school"), other = tenant_make(c, "shop");
    Channel h = channel_make(c, &s, "{}"), h2 = channel_make(c, &other, "{}");
    Inbound in = text_of("wamid.1", "+331", NULL, "1");
    Stored a, b;
    MUST(store_inbound(c, &s, &h, &in, 1, &a));
    MUST(store_inbound(c, &other, &h2, &in, 1, &b));
    CHECK(!b.known && b.conversation.value != a.conversation.value);
    CHECK_INT(number(c, "SELECT count(*) FROM contacts"), 2);
}

WORK(a_late_duplicate_opens_no_conversation) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Inbound in = text_of("wamid.1", "+331", NULL, "1");
    Stored out;
    MUST(store_inbound(c, &s, &h, &in, 1, &out));
    MUST(db_exec(c, SQL("UPDATE conversations SET status = 'ended'"), NO_ARGS, NULL));
    MUST(store_inbound(c, &s, &h, &in, 1, &out));
    CHECK(out.known);
    CHECK_INT(number(c, "SELECT count(*) FROM conversations"), 1);
    Inbound next = text_of("wamid.2", "+331", NULL, "2");
    MUST(store_inbound(c, &s, &h, &next, 1, &out));
    CHECK(!out.known);
    CHECK_INT(number(c, "SELECT count(*) FROM conversations"), 2);
    CHECK_INT(number(c, "SELECT count(*) FROM contacts"), 1);
}

enum { DELIVERIES = 48, CONTACTS = 5, MESSAGES = 60 };

typedef struct Delivery {
    const Scope *scope;
    const Channel *channel;
    uint64_t seed;
    int64_t made;
} Delivery;

/* All messages, in an order of its own and in batches of its own. */
static Err *deliver(Ctx *c, void *arg) {
    Delivery *d = arg;
    Rand r = {d->seed};
    int order[MESSAGES];
    for (int i = 0; i < MESSAGES; i++) order[i] = i;
    for (int i = MESSAGES - 1; i > 0; i--) {
        int j = (int)rand_below(&r, i + 1), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    for (int i = 0; i < MESSAGES;) {
        Inbound in[6];
        Stored out[6];
        ptrdiff_t count = 0;
        for (int64_t left = 1 + rand_below(&r, 6); left > 0 && i < MESSAGES; left--, i++) {
            int who = order[i] % CONTACTS;
            in[count++] =
                text_of(str_cstr(c->arena, strf(c->arena, "wamid.%d", order[i])),
                        who == 4 ? NULL : str_cstr(c->arena, strf(c->arena, "+3360000000%d", who)),
                        who < 2 ? NULL : str_cstr(c->arena, strf(c->arena, "FR.%d", who)), "x");
        }
        TRY(store_inbound(c, d->scope, d->channel, in, count, out));
        for (ptrdiff_t m = 0; m < count; m++) d->made += !out[m].known;
    }
    return NULL;
}

WORK(any_number_of_parallel_deliveries_are_one) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Delivery all[DELIVERIES];
    Task tasks[DELIVERIES];
    for (int i = 0; i < DELIVERIES; i++) {
        all[i] = (Delivery){&s, &h, (uint64_t)i + 1, 0};
        tasks[i] = (Task){.fn = deliver, .arg = &all[i]};
    }
    MUST(fork_join(c, tasks, DELIVERIES));
    int64_t made = 0;
    for (int i = 0; i < DELIVERIES; i++) made += all[i].made;
    CHECK_INT(made, MESSAGES);
    CHECK_INT(number(c, "SELECT count(*) FROM messages"), MESSAGES);
    CHECK_INT(number(c, "SELECT count(*) FROM contacts"), CONTACTS);
    CHECK_INT(number(c, "SELECT count(*) FROM conversations"), CONTACTS);
    CHECK_INT(number(c, "SELECT count(*) FROM jobs"), CONTACTS);
    CHECK_INT(number(c, "SELECT count(*) FROM events WHERE type = 'message.created'"), MESSAGES);
    figures_right(c);
}

/* -- order ----------------------------------------------------------------------------------------- */

WORK(messages_come_back_in_the_order_they_were_given) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Inbound in[4] = {text_of("1", "+331", NULL, "un"), text_of("2", "+332", NULL, "autre"),
                     text_of("3", "+331", NULL, "deux"), text_of("4", "+331", NULL, "trois")};
    Stored out[4];
    MUST(store_inbound(c, &s, &h, in, 4, out));
    Rows rows;
    MUST(messages_before(c, &s, out[0].conversation, (Id){0}, 10, &rows));
    const Message *m = rows.items;
    REQUIRE(rows.count == 3);
    CHECK_STR(m[0].content, S("un"));
    CHECK_STR(m[1].content, S("deux"));
    CHECK_STR(m[2].content, S("trois"));
    CHECK_STR(m[0].id, out[0].message_id);
    MUST(messages_before(c, &s, out[0].conversation, out[2].message, 1, &rows));
    m = rows.items;
    REQUIRE(rows.count == 1);
    CHECK_STR(m[0].content, S("deux"));
    Scope other = tenant_make(c, "shop");
    MUST(messages_before(c, &other, out[0].conversation, (Id){0}, 10, &rows));
    CHECK_INT(rows.count, 0);
}

WORK(a_time_in_the_future_is_now) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Inbound in[2] = {text_of("1", "+331", NULL, "x"), text_of("2", "+332", NULL, "x")};
    Time now = time_now();
    in[0].provider_at = time_add(now, 10 * US_PER_DAY);
    in[1].provider_at = time_add(now, -2 * US_PER_DAY);
    Stored out[2];
    MUST(store_inbound(c, &s, &h, in, 2, out));
    Conversation v;
    Rows rows;
    MUST(messages_before(c, &s, out[0].conversation, (Id){0}, 1, &rows));
    CHECK(((const Message *)rows.items)->provider_at.us < now.us + US_PER_DAY);
    Change look = {.scope = &s, .id = out[1].conversation, .conversation = &v};
    MUST(db_transaction(c, conversation_look, &look));
    CHECK_INT(v.last_inbound_at.us, in[1].provider_at.us);
}

/* -- what asks for a turn ---------------------------------------------------------------------------- */

WORK(reactions_are_stored_and_ask_for_nothing) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Inbound in = text_of("1", "+331", NULL, "👍");
    in.type = S("reaction");
    Stored out;
    MUST(store_inbound(c, &s, &h, &in, 1, &out));
    CHECK_INT(number(c, "SELECT count(*) FROM jobs"), 0);
    CHECK_INT(number(c, "SELECT unread_count FROM conversations"), 0);
    CHECK_STR(status_of(c, out.message), S("processed"));
}

WORK(who_is_with_a_person_or_paused_wakes_nobody) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Stored out;
    Inbound in = text_of("1", "+331", NULL, "a");
    MUST(store_inbound(c, &s, &h, &in, 1, &out));
    MUST(db_exec(c, SQL("DELETE FROM jobs"), NO_ARGS, NULL));
    static const char *const silent[] = {"handoff", "paused"};
    for (int i = 0; i < 2; i++) {
        Change a = {.scope = &s, .id = out.conversation, .status = silent[i], .text = S("asked")};
        MUST(db_transaction(c, status_set, &a));
        Inbound more = text_of(silent[i], "+331", NULL, "b");
        MUST(store_inbound(c, &s, &h, &more, 1, &out));
        CHECK_INT(number(c, "SELECT count(*) FROM jobs"), 0);
        CHECK_STR(status_of(c, out.message), S("pending"));
    }
    Change active = {.scope = &s, .id = out.conversation, .status = "active"};
    MUST(db_transaction(c, status_set, &active));
    in = text_of("2", "+331", NULL, "c");
    MUST(store_inbound(c, &s, &h, &in, 1, &out));
    CHECK_INT(number(c, "SELECT count(*) FROM jobs"), 1);
    CHECK_INT(number(c, "SELECT count(*) FROM conversations WHERE handoff_reason IS NULL"), 1);
}

WORK(an_ended_conversation_stays_ended_and_answers_nothing_more) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Stored out;
    Inbound in = text_of("1", "+331", NULL, "a");
    MUST(store_inbound(c, &s, &h, &in, 1, &out));
    Change end = {.scope = &s, .id = out.conversation, .status = "ended"};
    MUST(db_transaction(c, status_set, &end));
    MUST(db_transaction(c, status_set, &end));
    CHECK_STR(status_of(c, out.message), S("processed"));
    Change open = {.scope = &s, .id = out.conversation, .status = "active"};
    FAILS(db_transaction(c, status_set, &open), CONFLICT);
    Change say = {.scope = &s,
                  .id = out.conversation,
                  .outbound = {.author = S("assistant"), .type = S("text"), .content = S("hi")}};
    Err *err = db_transaction(c, speak, &say);
    CHECK(err && err->kind == ERR_CONFLICT);
    CHECK_STR(err ? err->code : S(""), S("CONVERSATION_ENDED"));
    Scope other = tenant_make(c, "shop");
    say.scope = end.scope = &other;
    FAILS(db_transaction(c, speak, &say), NOT_FOUND);
    FAILS(db_transaction(c, status_set, &end), NOT_FOUND);
}

WORK(the_channels_debounce_wins_and_an_answer_does_not_wait_for_it) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{\"debounceMs\":60000}");
    sylion.debounce_ms = 5000;
    Stored out;
    Inbound in = text_of("1", "+331", NULL, "a");
    int64_t before = time_now().us;
    MUST(store_inbound(c, &s, &h, &in, 1, &out));
    Job job = {0};
    MUST(db_one(c, SQL("SELECT run_at FROM jobs"), NO_ARGS, &job_record, &job));
    CHECK(job.run_at.us >= before + 60 * US_PER_SECOND);
    Change say = {.scope = &s,
                  .id = out.conversation,
                  .outbound = {.author = S("person"), .type = S("text"), .content = S("hi")}};
    MUST(db_transaction(c, speak, &say));
    MUST(db_one(c, SQL("SELECT run_at FROM jobs"), NO_ARGS, &job_record, &job));
    CHECK(job.run_at.us < before + 30 * US_PER_SECOND);
    CHECK_INT(number(c, "SELECT count(*) FROM jobs"), 1);
    CHECK_STR(say.message.status, S("pending"));
    CHECK_STR(say.message.conversation_id,
              text_at(c, "SELECT id AS name FROM conversations"));
    figures_right(c);
}

/* -- statuses ---------------------------------------------------------------------------------------- */

static Id message_sent(Ctx *c, const Scope *s, const Channel *h) {
    Stored out = {0};
    Inbound in = text_of("in", "+331", NULL, "a");
    GOOD(store_inbound(c, s, h, &in, 1, &out));
    Change say = {.scope = s,
                  .id = out.conversation,
                  .outbound = {.author = S("assistant"), .type = S("text"), .content = S("hi")}};
    GOOD(db_transaction(c, speak, &say));
    return say.message.n;
}

static Err *sent_as(Ctx *c, const Scope *s, Id message, const char *external_id) {
    Change set = {.scope = s, .id = message, .status = "sent", .external_id = str_c(external_id)};
    return db_transaction(c, state_set, &set);
}

/* Every order of four, with the id known before, between and after them. */
WORK(statuses_in_any_order_end_in_the_same_state) {
    static const char *const names[] = {"sent", "failed", "delivered", "read"};
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Id message = message_sent(c, &s, &h);
    for (int order = 0; order < 24; order++) {
        for (int known_at = 0; known_at <= 4; known_at += 2) {
            int left[4] = {0, 1, 2, 3}, count = 4, code = order;
            Str name = strf(c->arena, "wamid.%d.%d", order, known_at);
            MUST(db_exec(c, SQL("UPDATE messages SET status = 'sending', reason = NULL, external_id "
                                "= NULL WHERE n = $1"),
                         ARGS(V(message)), NULL));
            for (int i = 0; i < 4; i++) {
                if (i == known_at) MUST(sent_as(c, &s, message, str_cstr(c->arena, name)));
                int pick = code % count;
                code /= count;
                StatusTold told = {name, str_c(names[left[pick]]), {{NULL, 0}}, time_now()};
                left[pick] = left[--count];
                MUST(store_statuses(c, &s, &h, &told, 1));
                MUST(store_statuses(c, &s, &h, &told, 1));
            }
            if (known_at == 4) MUST(sent_as(c, &s, message, str_cstr(c->arena, name)));
            if (!CHECK_STR(status_of(c, message), S("read"))) return;
        }
    }
    CHECK_INT(number(c, "SELECT count(*) FROM messages WHERE reason IS NOT NULL"), 0);
}

WORK(a_failure_is_believed_unless_it_was_delivered) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Id message = message_sent(c, &s, &h);
    MUST(sent_as(c, &s, message, "w1"));
    StatusTold failed = {S("w1"), S("failed"),
                         {S("[{\"code\":131047,\"title\":\"Re-engagement "
                            "message\",\"error_data\":{\"details\":\"More than 24 hours\"}}]")},
                         time_now()};
    MUST(store_statuses(c, &s, &h, &failed, 1));
    CHECK_STR(status_of(c, message), S("failed"));
    CHECK_STR(text_at(c, "SELECT reason AS name FROM messages WHERE status = 'failed'"),
              S("131047: Re-engagement message. More than 24 hours"));
    StatusTold delivered = {S("w1"), S("delivered"), {{NULL, 0}}, time_now()};
    MUST(store_statuses(c, &s, &h, &delivered, 1));
    CHECK_STR(status_of(c, message), S("delivered"));
    StatusTold played = {S("w1"), S("played"), {{NULL, 0}}, time_now()};
    StatusTold unheard = {S("w1"), S("warning"), {{NULL, 0}}, time_now()};
    StatusTold both[2] = {played, unheard};
    MUST(store_statuses(c, &s, &h, both, 2));
    CHECK_STR(status_of(c, message), S("read"));
    CHECK_INT(number(c, "SELECT count(*) FROM message_statuses"), 4);
    /* Nobody's, an inbound message's, another channel's. */
    Channel other = channel_make(c, &s, "{}");
    StatusTold strange[2] = {{S("nobody"), S("read"), {{NULL, 0}}, TIME_NULL},
                             {S("in"), S("read"), {{NULL, 0}}, TIME_NULL}};
    MUST(store_statuses(c, &s, &h, strange, 2));
    MUST(store_statuses(c, &s, &other, &failed, 1));
    CHECK_INT(number(c, "SELECT count(*) FROM messages WHERE status = 'pending' AND external_id = "
                        "'in'"),
              1);
    CHECK_STR(status_of(c, message), S("read"));
}

typedef struct Race {
    const Scope *scope;
    const Channel *channel;
    Id message;
    Str name;
} Race;

static Err *race_send(Ctx *c, void *arg) {
    Race *r = arg;
    return sent_as(c, r->scope, r->message, str_cstr(c->arena, r->name));
}
static Err *race_told(Ctx *c, void *arg) {
    Race *r = arg;
    StatusTold told = {r->name, S("delivered"), {{NULL, 0}}, time_now()};
    return store_statuses(c, r->scope, r->channel, &told, 1);
}

WORK(a_status_that_comes_as_the_id_becomes_known_is_not_lost) {
    enum { RACES = 120 };
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Id first = message_sent(c, &s, &h);
    Message m = {0};
    MUST(db_one(c, SQL("SELECT conversation_n FROM messages WHERE n = $1"), ARGS(V(first)),
                &message_row_record, &m));
    for (int i = 0; i < RACES; i++) {
        Change say = {.scope = &s,
                      .id = m.conversation_n,
                      .outbound = {.author = S("assistant"), .type = S("text"), .content = S("x")}};
        MUST(db_transaction(c, speak, &say));
        Race race = {&s, &h, say.message.n, strf(c->arena, "race.%d", i)};
        Task tasks[2] = {{.fn = race_send, .arg = &race}, {.fn = race_told, .arg = &race}};
        MUST(fork_join(c, tasks, 2));
        if (!CHECK_STR(status_of(c, say.message.n), S("delivered"))) return;
    }
}

/* -- contacts ---------------------------------------------------------------------------------------- */

WORK(a_contact_may_have_only_a_user_id) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Stored a, b;
    Inbound in = text_of("1", NULL, "FR.1349", "a");
    MUST(store_inbound(c, &s, &h, &in, 1, &a));
    in = text_of("2", NULL, "FR.1349", "b");
    MUST(store_inbound(c, &s, &h, &in, 1, &b));
    CHECK_INT(a.conversation.value, b.conversation.value);
    CHECK_STR(text_at(c, "SELECT user_identifier AS name FROM conversations"), S("FR.1349"));
}

WORK(a_message_with_both_names_links_them) {
    static const char *const only[2][2] = {{"+331", NULL}, {NULL, "FR.1"}};
    for (int way = 0; way < 2; way++) {
        Scope s = tenant_make(c, way ? "b" : "a");
        Channel h = channel_make(c, &s, "{}");
        Stored out[3];
        Inbound in[3] = {text_of("1", only[way][0], only[way][1], "a"),
                         text_of("2", "+331", "FR.1", "b"),
                         text_of("3", only[!way][0], only[!way][1], "c")};
        for (int i = 0; i < 3; i++) MUST(store_inbound(c, &s, &h, &in[i], 1, &out[i]));
        CHECK_INT(out[1].conversation.value, out[0].conversation.value);
        CHECK_INT(out[2].conversation.value, out[0].conversation.value);
    }
    CHECK_INT(number(c, "SELECT count(*) FROM contacts"), 2);
    CHECK_INT(number(c, "SELECT count(*) FROM conversations WHERE user_identifier = '+331'"), 2);
    figures_right(c);
}

WORK(two_contacts_that_are_one_go_on_as_one) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Stored by_phone, by_key, both;
    Inbound in = text_of("1", "+331", NULL, "from the phone");
    in.name = S("Ana");
    MUST(store_inbound(c, &s, &h, &in, 1, &by_phone));
    in = text_of("2", NULL, "FR.1", "from the user id");
    MUST(store_inbound(c, &s, &h, &in, 1, &by_key));
    CHECK(by_phone.conversation.value != by_key.conversation.value);
    Change hand = {.scope = &s, .id = by_phone.conversation, .status = "handoff"};
    MUST(db_transaction(c, status_set, &hand));
    in = text_of("3", "+331", "FR.1", "both");
    MUST(store_inbound(c, &s, &h, &in, 1, &both));
    CHECK_INT(both.conversation.value, by_key.conversation.value);
    Rows rows;
    MUST(messages_before(c, &s, by_key.conversation, (Id){0}, 10, &rows));
    CHECK_INT(rows.count, 3); /* what waited in the other waits here */
    CHECK_INT(number(c, "SELECT count(*) FROM contacts WHERE phone = '+331' AND user_key = 'FR.1' AND "
                        "name = 'Ana'"),
              1);
    CHECK_INT(number(c, "SELECT count(*) FROM contacts"), 1);
    CHECK_INT(number(c, "SELECT count(*) FROM conversations WHERE status = 'ended'"), 1);
    /* A person was busy with one of them: so he is with what became of both. */
    CHECK_INT(number(c, "SELECT count(*) FROM conversations WHERE status = 'handoff'"), 1);
    CHECK_INT(number(c, "SELECT count(*) FROM conversations v WHERE message_count <> (SELECT count(*) "
                        "FROM messages m WHERE m.conversation_n = v.n)"),
              0);
}

WORK(merging_within_one_call_counts_right) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Stored out[8];
    Inbound apart[2] = {text_of("1", "+331", NULL, "a"), text_of("2", NULL, "FR.1", "b")};
    MUST(store_inbound(c, &s, &h, apart, 2, out));
    Inbound in[6] = {text_of("3", "+331", NULL, "c"), text_of("4", NULL, "FR.1", "d"),
                     text_of("5", "+331", "FR.1", "e"), text_of("6", "+331", NULL, "f"),
                     text_of("7", NULL, "FR.1", "g"), text_of("3", "+331", NULL, "c")};
    MUST(store_inbound(c, &s, &h, in, 6, out));
    CHECK(out[5].known);
    CHECK_INT(number(c, "SELECT count(*) FROM contacts"), 1);
    CHECK_INT(number(c, "SELECT message_count FROM conversations WHERE status = 'active'"), 7);
    CHECK_INT(number(c, "SELECT count(*) FROM conversations v WHERE message_count <> (SELECT count(*) "
                        "FROM messages m WHERE m.conversation_n = v.n)"),
              0);
}

WORK(a_number_with_a_new_owner_is_taken_from_the_old_one) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    Stored a, b, again;
    Inbound in = text_of("1", "+331", "FR.old", "a");
    MUST(store_inbound(c, &s, &h, &in, 1, &a));
    in = text_of("2", "+331", "FR.new", "b");
    MUST(store_inbound(c, &s, &h, &in, 1, &b));
    CHECK(a.conversation.value != b.conversation.value);
    in = text_of("3", "+331", NULL, "c");
    MUST(store_inbound(c, &s, &h, &in, 1, &again));
    CHECK_INT(again.conversation.value, b.conversation.value);
    in = text_of("4", NULL, "FR.old", "d");
    MUST(store_inbound(c, &s, &h, &in, 1, &again));
    CHECK_INT(again.conversation.value, a.conversation.value);
    /* The first one's first message comes once more: nothing moves back. */
    in = text_of("1", "+331", "FR.old", "a");
    MUST(store_inbound(c, &s, &h, &in, 1, &again));
    CHECK(again.known);
    CHECK_INT(number(c, "SELECT count(*) FROM contacts WHERE phone = '+331' AND user_key = 'FR.new'"),
              1);
    figures_right(c);
}

/* -- bad input ---------------------------------------------------------------------------------------- */

WORK(overlong_and_odd_texts_are_stored_within_bounds) {
    Scope s = tenant_make(c, "school");
    Channel h = channel_make(c, &s, "{}");
    char *id = arena_alloc(c->arena, 1, 5001), *body = arena_alloc(c->arena, 1, 200001);
    memset(id, 'i', 5000);
    memset(body, 'b', 200000);
    Inbound in = text_of(id, "+331", NULL, body);
    in.name = str_of("A\0B", 3);
    in.metadata = (JsonText){S("{\"a\":1}")};
    Stored out, again;
    MUST(store_inbound(c, &s, &h, &in, 1, &out));
    MUST(store_inbound(c, &s, &h, &in, 1, &again));
    CHECK(again.known);
    CHECK_INT(number(c, "SELECT length(content) FROM messages"), 65536);
    CHECK_INT(number(c, "SELECT count(*) FROM messages WHERE length(external_id) < 100"), 1);
    CHECK_STR(text_at(c, "SELECT user_name AS name FROM conversations"), S("A\xEF\xBF\xBD"
                                                                           "B"));
    figures_right(c);
}

T_MAIN(BOTH_ROWS(a_message_delivered_again_is_the_same_message),
       BOTH_ROWS(twice_in_one_call_is_once), BOTH_ROWS(an_id_is_of_its_channel),
       BOTH_ROWS(a_late_duplicate_opens_no_conversation),
       BOTH_ROWS(any_number_of_parallel_deliveries_are_one),
       BOTH_ROWS(messages_come_back_in_the_order_they_were_given),
       BOTH_ROWS(a_time_in_the_future_is_now),
       BOTH_ROWS(reactions_are_stored_and_ask_for_nothing),
       BOTH_ROWS(who_is_with_a_person_or_paused_wakes_nobody),
       BOTH_ROWS(an_ended_conversation_stays_ended_and_answers_nothing_more),
       BOTH_ROWS(the_channels_debounce_wins_and_an_answer_does_not_wait_for_it),
       BOTH_ROWS(statuses_in_any_order_end_in_the_same_state),
       BOTH_ROWS(a_failure_is_believed_unless_it_was_delivered),
       BOTH_ROWS(a_status_that_comes_as_the_id_becomes_known_is_not_lost),
       BOTH_ROWS(a_contact_may_have_only_a_user_id),
       BOTH_ROWS(a_message_with_both_names_links_them),
       BOTH_ROWS(two_contacts_that_are_one_go_on_as_one),
       BOTH_ROWS(merging_within_one_call_counts_right),
       BOTH_ROWS(a_number_with_a_new_owner_is_taken_from_the_old_one),
       BOTH_ROWS(overlong_and_odd_texts_are_stored_within_bounds))
