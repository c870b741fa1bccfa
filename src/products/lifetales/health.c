/* SPDX-License-Identifier: Apache-2.0
 * GET /api/health, which the web app asks before anything else; and what `socle doctor` says of lifetales:
 * a line for each thing that is missing, with what is worse without it and how to mend it. */
#include <pango/pangocairo.h>
#include <stdlib.h>
#include <unistd.h>

#include "ai/policy.h"
#include "ai/settings.h"
#include "ai/speech.h"
#include "ai/video.h"
#include "api/base_settings.h"
#include "products/lifetales/book_room.h"
#include "products/lifetales/cloudinary.h"
#include "products/lifetales/lifetales.h"
#include "products/lifetales/person.h"
#include "products/lifetales/routes.h"

typedef struct TalesHealth {
    Str status, service;
    Time timestamp;
} TalesHealth;
static const Field health_fields[] = {
    FIELD(TalesHealth, status),
    FIELD(TalesHealth, service),
    FIELD(TalesHealth, timestamp),
};
static const Record health_record =
    RECORD_AS("LifetalesHealth", TalesHealth, health_fields, .camel = true);

static Err *tales_health(Ctx *c, Call *k) {
    TalesHealth health = {S("ok"), S("lifetales"), time_now()};
    reply_header(k->r, S("Cache-Control"), S("no-store"));
    tales_answer_flat(c, k, &health_record, &health);
    return NULL;
}

const Route tales_health_routes[] = {
    {GET, "/api/health", tales_health, .access = ACCESS_OPEN, .rate = RATE_NONE,
     .out = &health_record, .tag = "lifetales", .doc = "It answers"},
    {.path = NULL},
};

/* -- doctor ------------------------------------------------------------------------------------ */

static bool program_runs(Arena *arena, Str program) {
    if (str_find_byte(program, '/') >= 0) return access(str_cstr(arena, program), X_OK) == 0;
    const char *path = getenv("PATH");
    for (Str rest = str_c(path ? path : "/usr/bin:/bin"), folder; !str_is_null(rest);) {
        rest = str_cut(rest, ':', &folder);
        const char *file = str_cstr(arena, strf(arena, "%.*s/%.*s", S_ARG(folder), S_ARG(program)));
        if (folder.len > 0 && access(file, X_OK) == 0) return true;
    }
    return false;
}

static void line_add(Buf *b, Str line) { buf_f(b, "%s%.*s", b->len ? "\n" : "", S_ARG(line)); }

static void programs_look(Ctx *c, Buf *b) {
    const struct {
        Str program;
        const char *setting, *without, *package;
    } needed[] = {
        {settings.ffmpeg, "FFMPEG_PATH", "no recording or picture is taken", "ffmpeg"},
        {settings.ffprobe, "FFPROBE_PATH", "no recording or picture is taken", "ffmpeg"},
        {S("espeak-ng"), NULL, "no text is read aloud (or set AI_SPEAK_PROVIDER)", "espeak-ng"},
    };
    bool by_espeak = str_eq(provider_usual(AI_SPEAK), S("local"));
    for (ptrdiff_t i = 0; i < COUNT(needed); i++) {
        if ((!needed[i].setting && !by_espeak) || program_runs(c->arena, needed[i].program))
            continue;
        line_add(b, strf(c->arena, "%.*s cannot be run%s%s: %s. Install it (apt install %s)",
                         S_ARG(needed[i].program), needed[i].setting ? ", see " : "",
                         needed[i].setting ? needed[i].setting : "", needed[i].without,
                         needed[i].package));
    }
}

/* What books are set in, as book_press.c asks for it. */
static void letters_look(Ctx *c, Buf *b) {
    static const struct {
        const char *family, *without, *package;
    } needed[] = {
        {"EB Garamond", "books are set in whatever serif there is", "fonts-ebgaramond"},
        {"Amiri", "Arabic is set in whatever there is, or as boxes", "fonts-hosny-amiri"},
        {"Symbola", "signs and emoji are printed as boxes", "fonts-symbola"},
    };
    static const struct {
        const char *language, *package;
    } parted[] = {{"fr", "hyphen-fr"}, {"en", "hyphen-en-us"}};
    PangoFontFamily **families = NULL;
    PangoFontMap *map = pango_cairo_font_map_new();
    int count = 0;
    pango_font_map_list_families(map, &families, &count);
    for (ptrdiff_t i = 0; i < COUNT(needed); i++) {
        bool found = false;
        for (int j = 0; j < count && !found; j++)
            found = strcasecmp(pango_font_family_get_name(families[j]), needed[i].family) == 0;
        if (!found)
            line_add(b, strf(c->arena, "the font %s is missing: %s. Install it (apt install %s)",
                             needed[i].family, needed[i].without, needed[i].package));
    }
    g_free(families);
    g_object_unref(map);
    for (ptrdiff_t i = 0; i < COUNT(parted); i++)
        if (!book_hyphens(str_c(parted[i].language)))
            line_add(b, strf(c->arena,
                             "no patterns part the words of books in %s: lines are wider spaced. "
                             "Install them (apt install %s)",
                             parted[i].language, parted[i].package));
}

static void outside_look(Ctx *c, Buf *b) {
    Str hears = transcribe_lacks(c->arena), films = video_lacks(c->arena);
    if (!str_is_null(hears)) line_add(b, strf(c->arena, "recordings wait: %.*s", S_ARG(hears)));
    if (!str_is_empty(ai_settings.video_provider) && !str_is_null(films))
        line_add(b, strf(c->arena, "narrators' videos: %.*s", S_ARG(films)));
    Err *cloud = cloudinary_on() ? cloudinary_check(c) : NULL;
    if (cloud)
        line_add(b, strf(c->arena, "pictures are shown from here: %.*s", S_ARG(cloud->detail)));
    if (str_is_empty(settings.public_url))
        line_add(b,
                 S("PUBLIC_URL is not set: the codes in printed books lead where the request for "
                   "the book went. Set it to https://HOST before one is printed"));
    else if (!str_starts(settings.public_url, S("https://")))
        line_add(b,
                 strf(c->arena,
                      "PUBLIC_URL is %.*s: the codes in printed books lead there in the clear, for "
                      "years. Set it to https://HOST",
                      S_ARG(settings.public_url)));
}

Str tales_lacks(Ctx *c) {
    Buf b = buf_new(c->arena, 512);
    programs_look(c, &b);
    letters_look(c, &b);
    outside_look(c, &b);
    return b.len ? buf_str(&b) : (Str){0};
}
