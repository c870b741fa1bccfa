/* SPDX-License-Identifier: Apache-2.0
 * image_make(): a picture is one by its first bytes, whatever the provider calls it. */
#include "ai/image.h"

#include "ai/kept.h"
#include "ai/settings.h"

enum { PROMPT_MAX = 32000, IMAGE_MS = 45000 };

typedef struct Drawing {
    const ImageRequest *request;
    Image *out;
} Drawing;

static Str mime_of(Str bytes) {
    Str riff = str_slice(bytes, 0, 4), webp = str_slice(bytes, 8, 12);
    if (str_starts(bytes, S("\x89PNG\r\n\x1a\n"))) return S("image/png");
    if (str_starts(bytes, S("\xff\xd8\xff"))) return S("image/jpeg");
    if (str_eq(riff, S("RIFF")) && str_eq(webp, S("WEBP"))) return S("image/webp");
    return (Str){0};
}

static Err *image_ask(Ctx *c, const Provider *p, Str model, PolicyTry *one) {
    Drawing *x = one->arg;
    ImageRequest r = *x->request;
    r.provider = str_c(p->name);
    r.model = model;
    *x->out = (Image){0};
    Err *err = p->image(c, &r, x->out);
    one->usage = x->out->usage;
    if (!err && one->usage.images == 0) one->usage.images = 1;
    one->origin = x->out->origin;
    if (err) return err;
    x->out->mime = mime_of(x->out->bytes);
    if (!str_is_null(x->out->mime)) return NULL;
    one->alive = true;
    err = err_new(c, ERR_UPSTREAM, __func__, "%s answered what is no PNG, JPEG or WebP", p->name);
    err->code = S("ai_bad_answer");
    return err;
}

static Err *image_ask_all(Ctx *c, void *arg, Str *value, bool *keep, AiUsage *usage) {
    Drawing *x = arg;
    AiOrigin origin;
    PolicyCall call = {
        .kind = AI_IMAGE,
        .provider = x->request->provider,
        .model = x->request->model,
        .timeout_ms = x->request->timeout_ms ? x->request->timeout_ms : IMAGE_MS,
        .ask = image_ask,
        .arg = x,
    };
    TRY(policy_call(c, &call, usage, &origin));
    x->out->usage = *usage;
    x->out->origin = origin;
    *value = x->out->bytes;
    *keep = true;
    return NULL;
}

static bool aspect_is_good(Str aspect) {
    static const char *const known[] = {"", "4:3", "1:1", "16:9", "3:4", "9:16"};
    for (int i = 0; i < COUNT(known); i++)
        if (str_eq(aspect, str_c(known[i]))) return true;
    return false;
}

Err *image_make(Ctx *c, const ImageRequest *request, Image *out) {
    assert(request && out);
    *out = (Image){0};
    if (str_trim(request->prompt).len == 0) FAIL(c, INVALID, "A picture needs a prompt.");
    if (request->prompt.len > PROMPT_MAX)
        FAIL(c, TOO_LARGE, "A prompt has at most %d bytes.", PROMPT_MAX);
    if (!aspect_is_good(request->aspect))
        FAIL(c, INVALID, "An aspect is 4:3, 1:1, 16:9, 3:4 or 9:16.");
    TRY(payer_check(c, request->payer));
    const Provider *p;
    Str model;
    TRY(policy_choose(c, AI_IMAGE, request->provider, request->model, &p, &model));
    Drawing x = {request, out};
    KeptKey k = kept_key_new(c->arena, AI_IMAGE, str_c(p->name), model);
    kept_key_add(&k, request->aspect);
    kept_key_add(&k, request->prompt);
    KeptCall call = {.kind = AI_IMAGE,
                     .key = kept_key_end(&k),
                     .large = true,
                     .payer = request->payer,
                     .make = image_ask_all,
                     .arg = &x};
    Str value;
    bool made;
    TRY(kept_call(c, &call, &value, &made));
    if (made) return NULL;
    figures_kept(provider_index(p), AI_IMAGE, 1);
    *out = (Image){
        .bytes = value,
        .mime = mime_of(value),
        .usage = {.priced = true},
        .origin = {.provider = str_c(p->name), .model = model, .kept = true},
    };
    return NULL;
}
