/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a file of posts: read whole and cut at any place they give the same drafts and
 * refusals, and every draft keeps what ingest relies on. The first byte says where the cut is, the
 * second which format is asked for. */
#include "core/json.h"
#include "products/veyl/source.h"

static const char *const formats[] = {"",
                                      "posts",
                                      "csv-posts",
                                      "csv-tiktok",
                                      "csv-facebook",
                                      "facebook-graph",
                                      "instagram-graph",
                                      "tiktok-api"};

typedef struct Sum {
    int64_t drafts, rejects, score, names;
    SourceGot end;
} Sum;

static void draft_check(const Draft *draft) {
    const PostRow *p = &draft->post;
    assert(p->id.len > 0 && draft->record > 0 && !draft->problem);
    assert(p->posted_at.us >= 0 && p->score >= 0);
    assert(p->hashtags.count <= 100 && p->mentions.count <= 100);
    assert(!p->sentiment.set || (p->sentiment.value >= -1 && p->sentiment.value <= 1));
    for (ptrdiff_t i = 0; i < p->hashtags.count; i++) assert(p->hashtags.items[i].len > 0);
}

static Sum read_all(Ctx *c, Str text, ptrdiff_t step, const char *format) {
    Sum sum = {0};
    Source *s = source_new((SourceOptions){.format = str_c(format), .document_max = 64 * KIB});
    for (ptrdiff_t at = 0;;) {
        Draft draft;
        sum.end = source_next(s, c, &draft);
        ctx_undo(c, NULL);
        if (sum.end == SOURCE_DONE || sum.end == SOURCE_BROKEN) break;
        if (sum.end == SOURCE_DRAFT) {
            draft_check(&draft);
            sum.drafts++;
            sum.score += draft.post.score;
            sum.names += draft.post.hashtags.count + draft.post.mentions.count;
        } else if (sum.end == SOURCE_REJECT) {
            assert(draft.problem);
            sum.rejects++;
        } else if (at >= text.len) {
            source_end(s);
        } else {
            source_feed(s, str_slice(text, at, at + step));
            at += step;
        }
    }
    source_free(s);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 2 || size > 60000) return 0;
    Ctx c = {.arena = arena_new(512 * MIB)};
    Str text = str_of((const char *)data + 2, (ptrdiff_t)size - 2);
    const char *format = formats[data[1] % COUNT(formats)];
    Sum whole = read_all(&c, text, text.len + 1, format);
    Sum cut = read_all(&c, text, 1 + data[0], format);
    assert(whole.drafts == cut.drafts && whole.rejects == cut.rejects && whole.end == cut.end);
    assert(whole.score == cut.score && whole.names == cut.names);
    arena_free(c.arena);
    return 0;
}
