/* SPDX-License-Identifier: Apache-2.0
 * See story_stream.h. Two sources: the table of events (subscriber), whose messages have ids and are
 * never lost, and the hub of this node (ear), whose pieces of text have none. Events carry what fits;
 * a chapter too long for one, addresses of pictures and the whole story at the end are put in when
 * they go out. */
#include "products/lifetales/story_stream.h"

#include "core/json.h"
#include "core/time.h"
#include "products/lifetales/album.h"
#include "products/lifetales/story_hub.h"
#include "products/lifetales/story_room.h"

enum {
    BEAT_MS = 15 * 1000,
    LIFE_MS = 15 * 60 * 1000,
    LOOK_MS = 15 * 1000,
    RECALL = 10000,
    QUEUE_MAX = 2000,
    FRAMES_MAX = 64 * 1024, /* of text pieces, in one write */
    ALONE_MAX = 400         /* an event that has no chapter in it is shorter, one that has is not */
};

typedef struct Following {
    Call *k; /* NULL: nobody is told, only the end is waited for */
    Story story;
    Subscriber *subscriber;
    StoryEar ear;
    WaitList ready;
    bool fresh, ended, looked;
    int64_t last; /* the event behind which others may follow; -1: not known */
    int64_t ends_us;
} Following;

static void following_ready(void *arg) {
    Following *f = arg;
    f->fresh = true;
    wait_wake_all(&f->ready);
}

static void following_free(void *arg) {
    Following *f = arg;
    subscriber_free(f->subscriber);
    if (f->k) story_ear_close(&f->ear);
}

static Err *following_new(Ctx *c, Call *k, const Story *story, int64_t since, int64_t ms,
                          Following **out) {
    Following *f = *out = arena_new_of(c->arena, Following);
    *f = (Following){.k = k, .story = *story, .ends_us = mono_us() + ms * US_PER_MS};
    Str channel = story_channel_name(c->arena, story->id);
    f->subscriber = subscriber_new(QUEUE_MAX, following_ready, f);
    if (k) story_ear_open(&f->ear, story->n, following_ready, f);
    defer(c, following_free, f);
    if (since < 0) TRY(event_since_latest(c, channel, RECALL, &since));
    f->last = since;
    subscriber_add(f->subscriber, &channel, 1, since);
    return NULL;
}

/* -- what goes out ----------------------------------------------------------------------------- */

/* The text of `data` in an event's JSON (work/events.h: event_json writes it between these two). */
static Str data_of(Str json) {
    ptrdiff_t from = str_find(json, S(",\"data\":"));
    Str end = S(",\"timestamp\":\"");
    ptrdiff_t to = json.len - end.len;
    while (to > from && !str_starts(str_slice(json, to, json.len), end)) to--;
    return from < 0 ? S("null") : str_slice(json, from + 8, to);
}

static Err *space_of(Ctx *c, const Following *f, Space *space) {
    return space_load_n(c, f->story.user_id, f->story.space_n, space);
}

/* A member more; data is an object's JSON. */
static void member_put(Buf *b, Str data, const char *name) {
    buf_add(b, str_slice(data, 0, data.len - 1));
    buf_f(b, ",\"%s\":", name);
}

/* One that was too long for an event is null in it. */
static Err *chapter_put(Ctx *c, const Following *f, Str data, Buf *b) {
    json_t *json;
    Space space;
    ChapterRow row;
    Chapter chapter;
    if (data.len > ALONE_MAX) {
        buf_add(b, data);
        return NULL;
    }
    TRY(json_parse(c, data, &json));
    TRY(space_of(c, f, &space));
    TRY(chapter_row(c, &space, json_str(json_at(json, "chapterId")), &row));
    TRY(chapter_of_row(c, space.id, &row, &chapter));
    json_object_del(json, "chapter");
    Buf rest = buf_new(c->arena, ALONE_MAX);
    buf_json_value(&rest, json);
    member_put(b, buf_str(&rest), "chapter");
    record_write(b, &chapter_record, &chapter);
    buf_byte(b, '}');
    return NULL;
}

static Err *picture_put(Ctx *c, Str data, Buf *b) {
    json_t *json;
    TRY(json_parse(c, data, &json));
    Str media = json_str(json_at(json, "mediaId"));
    member_put(b, data, "illustrationUrl");
    buf_json(b, str_is_empty(media) ? (Str){0} : album_url(c, media));
    buf_byte(b, '}');
    return NULL;
}

static Err *story_put(Ctx *c, const Following *f, Str data, Buf *b) {
    Space space;
    Chapter *chapters;
    ptrdiff_t count;
    TRY(space_of(c, f, &space));
    TRY(space_chapters(c, &space, &chapters, &count));
    member_put(b, data, "chapters");
    record_write_list(b, &chapter_record, chapters, count);
    buf_byte(b, '}');
    return NULL;
}

static Err *data_put(Ctx *c, const Following *f, Str type, Str data, Buf *b) {
    if (str_eq(type, S("chapter"))) return chapter_put(c, f, data, b);
    if (str_eq(type, S("illustration"))) return picture_put(c, data, b);
    if (str_eq(type, S("complete"))) return story_put(c, f, data, b);
    buf_add(b, data);
    return NULL;
}

static Err *out(Ctx *c, Following *f, Str bytes) {
    TRY(reply_write(c, f->k->q, f->k->r, bytes));
    return reply_flush(c, f->k->q, f->k->r);
}

/* id 0: none. What it tells about may be gone by now: then it is left out. */
static Err *event_out(Ctx *c, Following *f, int64_t id, Str type, Str data) {
    Buf b = buf_new(c->arena, data.len + 256);
    if (id) buf_f(&b, "id: %lld\n", (long long)id);
    buf_f(&b, "event: %.*s\ndata: ", S_ARG(type));
    Err *err = data_put(c, f, type, data, &b);
    if (err && err->kind == ERR_NOT_FOUND) return NULL;
    if (err) return err;
    buf_add(&b, S("\n\n"));
    return out(c, f, buf_str(&b));
}

static Err *words_take(Ctx *c, Following *f) {
    while (f->ear.count > 0) {
        CtxMark mark = ctx_mark(c);
        Buf b = buf_new(c->arena, min_size(f->ear.bytes, FRAMES_MAX) + 1);
        while (f->ear.count > 0 && b.len < FRAMES_MAX) buf_add(&b, story_ear_take(&f->ear));
        TRY(out(c, f, buf_str(&b)));
        ctx_release(c, mark);
    }
    return NULL;
}

static bool is_end(Str type) { return str_eq(type, S("complete")) || str_eq(type, S("error")); }

static Err *message_take(Ctx *c, Following *f, const EventMessage *m) {
    f->ended = f->ended || is_end(m->type);
    f->last = m->id ? m->id : -1;
    if (!f->k) return NULL;
    TRY(words_take(c, f)); /* they were said before it was committed */
    if (str_eq(m->type, S("chapter"))) f->ear.lost = false;
    return event_out(c, f, m->id, m->type, data_of(m->json));
}

static Err *messages_take(Ctx *c, Following *f) {
    while (!f->ended) {
        EventMessage *m;
        TRY(subscriber_next(c, f->subscriber, &m));
        if (!m) return NULL;
        CtxMark mark = ctx_mark(c);
        Err *err = message_take(c, f, m);
        subscriber_done(m);
        if (err) return err;
        ctx_release(c, mark);
    }
    return NULL;
}

/* -- the end that no event told ---------------------------------------------------------------- */

static Err *end_out(Ctx *c, Following *f, const Story *story) {
    if (!f->k) return NULL;
    Buf b = buf_new(c->arena, 256);
    bool done = str_eq(story->state, S("done"));
    buf_f(&b, "{\"storyId\":\"%.*s\",\"state\":\"%.*s\",\"planned\":%lld,\"kept\":%lld",
          S_ARG(story->id), S_ARG(story->state), (long long)story->planned, (long long)story->kept);
    if (!done) {
        buf_add(&b, S(",\"code\":"));
        buf_json(&b, str_is_empty(story->error_code) ? S("cancelled") : story->error_code);
        buf_add(&b, S(",\"message\":"));
        buf_json(&b, str_is_empty(story->error) ? S("The story was cancelled.") : story->error);
    }
    buf_add(&b, S(",\"figures\":"));
    buf_add(&b, story->figures.text);
    buf_byte(&b, '}');
    return event_out(c, f, 0, done ? S("complete") : S("error"), buf_str(&b));
}

/* Asked of the row: of a story that ended before we came, or whose events are no longer kept. */
static Err *end_look(Ctx *c, Following *f) {
    Story story;
    CtxMark mark = ctx_mark(c);
    Err *err = story_load(c, f->story.user_id, f->story.id, &story);
    f->looked = true;
    if (err && err->kind == ERR_NOT_FOUND) {
        story = f->story;
        story.state = S("cancelled");
        story.error = S("The space was deleted.");
        err = NULL;
    }
    if (!err && story_ended(&story)) {
        /* Its last events are in the table with the row, and say more; here they may be late. */
        if (f->last >= 0) subscriber_restart(f->subscriber, f->last);
        TRY(messages_take(c, f));
        if (!f->ended) err = end_out(c, f, &story);
        f->ended = true;
    }
    if (err) return err;
    ctx_release(c, mark);
    return NULL;
}

/* -- waiting ----------------------------------------------------------------------------------- */

static Err *news_await(Ctx *c, Following *f) {
    int64_t now_us = mono_us();
    if (f->fresh) return NULL;
    c->deadline_us = min_i64(now_us + BEAT_MS * US_PER_MS, f->ends_us);
    Err *err = wait_on(c, &f->ready);
    c->deadline_us = 0;
    if (!err || err->kind != ERR_TIMEOUT) return err;
    f->looked = false;
    return f->k ? out(c, f, S(": beat\n\n")) : NULL;
}

static Err *follow(Ctx *c, Following *f) {
    while (str_is_null(subscriber_ended(f->subscriber)) && mono_us() < f->ends_us) {
        f->fresh = false;
        if (f->k) TRY(words_take(c, f));
        TRY(messages_take(c, f));
        if (!f->ended && !f->looked) TRY(end_look(c, f));
        if (f->ended) return NULL;
        CtxMark mark = ctx_mark(c);
        TRY(news_await(c, f));
        ctx_release(c, mark);
    }
    return NULL;
}

/* -- both ways --------------------------------------------------------------------------------- */

Err *story_since(Ctx *c, const Call *k, int64_t *since) {
    Str text = req_header(k->q, S("Last-Event-ID"));
    *since = -1;
    if (str_is_empty(text)) return NULL;
    if (!str_to_i64(text, since) || *since < 0)
        FAIL(c, BAD_REQUEST, "Last-Event-ID must be the id of an event.");
    return NULL;
}

Err *story_stream(Ctx *c, Call *k, const Story *story, int64_t since) {
    Following *f;
    TRY(following_new(c, k, story, since, LIFE_MS, &f));
    k->answered = true;
    k->r->content_type = S("text/event-stream");
    k->r->no_compress = true;
    reply_header(k->r, S("Cache-Control"), S("no-cache"));
    reply_header(k->r, S("X-Accel-Buffering"), S("no")); /* nginx would hold events back */
    reply_header(k->r, S("X-Story-Id"), story->id);
    c->deadline_us = 0; /* every write and every pause has a limit of its own */
    arena_budget_set(c->arena, arena_used(c->arena) + STORY_BYTES);
    TRY(reply_begin(c, k->q, k->r));
    if (k->q->method == METHOD_HEAD) return NULL;
    TRY(out(c, f, S("retry: 2000\n\n")));
    return follow(c, f);
}

Err *story_await(Ctx *c, Story *story, int64_t ms) {
    Following *f;
    int64_t former = c->deadline_us;
    TRY(following_new(c, NULL, story, -1, ms, &f));
    c->deadline_us = 0;
    Err *err = follow(c, f);
    c->deadline_us = former;
    if (err) return err;
    return story_load(c, story->user_id, story->id, story);
}
