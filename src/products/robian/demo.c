/* SPDX-License-Identifier: Apache-2.0
 * Order: the debate, its video and transcript as files under DATA_DIR/demo/robian, the transcript's
 * import, an extraction asked for, which the server then runs. Each step is left out where it was done
 * before. The times of the transcript are those at which espeak-ng's voices begin to speak. */
#include "products/robian/demo.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "api/base_settings.h"
#include "core/log.h"
#include "products/robian/debate.h"
#include "products/robian/demo_sql.h"
#include "products/robian/extraction.h"
#include "products/robian/open_data.h"
#include "products/robian/paris.h"
#include "products/robian/robian.h"
#include "products/robian/routes.h"
#include "products/robian/tools.h"
#include "products/robian/workdir.h"
#include "rt/process.h"

#define SESSION "RUDEMO0000000001"
#define TRANSCRIPT "CRDEMO0000000001"
#define TITLE "Questions au Gouvernement (démonstration)"
#define PATH "/demo/robian/"

enum {
    RATE = 22050,   /* espeak-ng's own */
    PAUSE_MS = 450, /* between two who speak */
    SPOKEN_MAX = 8 * 1024 * 1024,
    FILE_MAX = 1024 * 1024,
    SAID_MAX = 64 * 1024,
};

/* -- where it lies ---------------------------------------------------------------------------------- */

/* http://127.0.0.1:8000/demo/robian/ in out; false where this server has no such address. */
static bool base_url(char *out, size_t size) {
    Str at = settings.listen, host = at;
    int64_t port;
    if (str_eq(settings.environment, S("production")) || str_starts(at, S("unix:"))) return false;
    while (host.len > 0 && host.data[host.len - 1] != ':') host.len--;
    if (!str_to_i64(str_slice(at, host.len, at.len), &port) || port == 0) return false;
    host = str_slice(host, 0, host.len - 1);
    bool any = host.len == 0 || str_eq(host, S("0.0.0.0")) || str_eq(host, S("[::]"));
    if (any) host = S("127.0.0.1");
    int len = snprintf(out, size, "http://%.*s:%lld" PATH, S_ARG(host), (long long)port);
    return len > 0 && (size_t)len < size;
}

bool demo_owns(Str url) {
    char base[300];
    if (!base_url(base, sizeof base) || !str_starts(url, str_c(base))) return false;
    return str_find(url, S("..")) < 0;
}

static Str file_path(Arena *arena, const char *name) {
    return strf(arena, "%.*s" PATH "%s", S_ARG(settings.data_dir), name);
}

static bool is_there(Arena *arena, Str path) {
    struct stat st;
    return stat(str_cstr(arena, path), &st) == 0;
}

/* -- the transcript --------------------------------------------------------------------------------- */

/* at_ms: when each speech begins; NULL: nobody spoke it. */
static void speech_write(Buf *b, ptrdiff_t i, const int64_t *at_ms) {
    const DemoSpeech *speech = &demo_speeches[i];
    const DemoSpeaker *who = &demo_speakers[speech->speaker];
    buf_f(b,
          "<paragraphe ordre_absolu_seance=\"%td\" id_acteur=\"PA%s\" code_grammaire=\"%s\" "
          "code_style=\"NORMAL\" "
          "id_syceron=\"99%04td\"%s><orateurs><orateur><nom>%s</nom><id>%s</id>",
          2 * i + 2, who->id, i == 0 ? "OUV_SEAN_2_1" : "PAROLE_GENERIQUE", 2 * i + 2,
          who->presides ? " roledebat=\"president\"" : "", who->name, who->id);
    buf_f(b, "<qualite>%s</qualite></orateur></orateurs><texte", who->role);
    if (at_ms) buf_f(b, " stime=\"%.2f\"", (double)at_ms[i] / 1000);
    buf_add(b, S(">"));
    buf_html(b, str_c(speech->text));
    buf_add(b, S("</texte></paragraphe>\n"));
}

static Str transcript_write(Ctx *c, Time date, const int64_t *at_ms) {
    Civil day = paris_civil(date);
    Buf b = buf_new(c->arena, 32 * KIB);
    buf_add(&b, S("<?xml version='1.0' encoding='UTF-8'?>\n<compteRendu "
                  "xmlns=\"http://schemas.assemblee-nationale.fr/referentiel\">"
                  "<uid>" TRANSCRIPT "</uid><seanceRef>" SESSION "</seanceRef><metadonnees>"));
    buf_f(&b, "<dateSeance>%04d%02d%02d%02d%02d00000</dateSeance>", day.year, day.month, day.day,
          day.hour, day.minute);
    buf_add(&b, S("<numSeanceJour>Unique</numSeanceJour><legislature>17</legislature>"
                  "<session>Session de démonstration</session><etat>complet</etat></metadonnees>"
                  "<contenu>\n"));
    for (ptrdiff_t i = 0, point = 0; i < demo_speech_count; i++) {
        const char *title = demo_speeches[i].point;
        if (title && point++) buf_add(&b, S("</point>\n"));
        if (title) {
            buf_f(&b,
                  "<point nivpoint=\"1\" valeur_ptsodj=\"%td\" ordre_absolu_seance=\"%td\" "
                  "code_grammaire=\"TITRE_TEXTE_DISCUSSION\" code_style=\"Titre\" "
                  "id_syceron=\"99%04td\"><orateurs/><texte>",
                  point, 2 * i + 1, 2 * i + 1);
            buf_html(&b, str_c(title));
            buf_add(&b, S("</texte>\n"));
        }
        speech_write(&b, i, at_ms);
    }
    buf_add(&b, S("</point>\n</contenu></compteRendu>\n"));
    return buf_str(&b);
}

/* -- the voices --------------------------------------------------------------------------------------- */

static uint32_t little(Str bytes, ptrdiff_t at) {
    uint32_t value = 0;
    for (ptrdiff_t i = 3; i >= 0; i--) value = value << 8 | (unsigned char)bytes.data[at + i];
    return value;
}

/* The samples of a WAV file. */
static Str samples_of(Str wav) {
    for (ptrdiff_t at = 12; at + 8 <= wav.len;) {
        ptrdiff_t size = (ptrdiff_t)little(wav, at + 4);
        if (str_eq(str_slice(wav, at, at + 4), S("data")))
            return str_slice(wav, at + 8, at + 8 + size);
        at += 8 + size;
    }
    return S("");
}

static Err *say(Ctx *c, Str folder, const DemoSpeech *speech, Str *samples) {
    const char *argv[] = {"espeak-ng", "-v",      demo_speakers[speech->speaker].voice,
                          "-s",        "165",     "-w",
                          "said.wav",  "--stdin", NULL};
    Str out, wav;
    ProcessOptions options = {
        .argv = argv, .cwd = str_cstr(c->arena, folder), .input = str_c(speech->text)};
    TRY(process_run(c, options, SAID_MAX, &out));
    TRY(file_read_all(c, strf(c->arena, "%.*s/said.wav", S_ARG(folder)), SPOKEN_MAX, &wav));
    *samples = samples_of(wav);
    if (samples->len == 0) FAIL(c, INTERNAL, "espeak-ng said nothing.");
    return NULL;
}

/* All of it, one after the other, as raw samples; at_ms: when each begins. */
static Err *speak(Ctx *c, Str folder, int fd, int64_t *at_ms, int64_t *end_ms) {
    static const char silence[RATE * PAUSE_MS / 1000 * 2];
    int64_t bytes = 0;
    for (ptrdiff_t i = 0; i < demo_speech_count; i++) {
        Defer *defers = c->defers;
        ArenaMark mark = arena_mark(c->arena);
        Str samples;
        at_ms[i] = bytes * 1000 / (RATE * 2);
        TRY(say(c, folder, &demo_speeches[i], &samples));
        TRY(file_write(c, fd, samples.data, samples.len, -1));
        TRY(file_write(c, fd, silence, (ptrdiff_t)sizeof silence, -1));
        bytes += samples.len + (int64_t)sizeof silence;
        ctx_undo(c, defers);
        arena_release(c->arena, mark);
    }
    *end_ms = bytes * 1000 / (RATE * 2);
    return NULL;
}

static void close_later(void *arg) { file_close((int)(intptr_t)arg); }

static Err *film(Ctx *c, Str folder, int64_t ms) {
    Str picture =
            strf(c->arena, "color=c=0x1d3557:s=320x180:r=1:d=%lld", (long long)(ms / 1000 + 1)),
        out;
    const char *argv[] = {str_cstr(c->arena, settings.ffmpeg),
                          "-nostdin",
                          "-v",
                          "error",
                          "-y",
                          "-f",
                          "s16le",
                          "-ar",
                          "22050",
                          "-ac",
                          "1",
                          "-i",
                          "spoken",
                          "-f",
                          "lavfi",
                          "-i",
                          str_cstr(c->arena, picture),
                          "-shortest",
                          "-c:v",
                          "mpeg4",
                          "-c:a",
                          "aac",
                          "-b:a",
                          "96k",
                          "-movflags",
                          "+faststart",
                          "seance.mp4",
                          NULL};
    return process_run(c, (ProcessOptions){.argv = argv, .cwd = str_cstr(c->arena, folder)},
                       SAID_MAX, &out);
}

/* The transcript goes first: where the video is, both are. */
static Err *video_make(Ctx *c, Time date) {
    WorkDir *dir;
    int fd;
    int64_t *at_ms = arena_array(c->arena, int64_t, demo_speech_count), end_ms = 0;
    TRY(workdir_make(c, &dir));
    Str folder = workdir_path(dir);
    TRY(file_open(c, strf(c->arena, "%.*s/spoken", S_ARG(folder)), O_WRONLY | O_CREAT, 0600, &fd));
    defer(c, close_later, (void *)(intptr_t)fd);
    TRY(speak(c, folder, fd, at_ms, &end_ms));
    TRY(film(c, folder, end_ms));
    TRY(dir_make(c, file_path(c->arena, "")));
    TRY(file_replace(c, file_path(c->arena, "seance.xml"), transcript_write(c, date, at_ms)));
    Str made = strf(c->arena, "%.*s/seance.mp4", S_ARG(folder));
    if (rename(str_cstr(c->arena, made), str_cstr(c->arena, file_path(c->arena, "seance.mp4"))) !=
        0)
        FAIL(c, INTERNAL, "The demo's video could not be put in its place.");
    workdir_end(c, dir);
    return NULL;
}

/* -- the whole ---------------------------------------------------------------------------------------- */

static Err *debate_make_in(Ctx *c, void *arg) { return debate_add(c, arg); }

static Err *debate_ensure(Ctx *c, Str url, Debate *d) {
    int64_t n;
    Err *err = db_int(c, SQL(SQL_DEMO_DEBATE), ARGS(V(S(SESSION))), &n);
    if (!err) return debate_at(c, n, d);
    if (err->kind != ERR_NOT_FOUND) return err;
    Civil day = paris_civil(time_add(time_now(), -US_PER_DAY));
    Time first;
    if (!paris_day(strf(c->arena, "%04d-%02d-%02d", day.year, day.month, day.day), 0, &first))
        FAIL(c, INTERNAL, "yesterday is no day");
    *d = (Debate){.title = S(TITLE),
                  .description =
                      S("Une séance qui n'a jamais eu lieu, dite par des voix de synthèse."),
                  .type = S("question_gouvernement"),
                  .date = time_add(first, 15 * US_PER_HOUR),
                  .start_time = TIME_NULL,
                  .end_time = TIME_NULL,
                  .source_url = url,
                  .commission = S("Démonstration"),
                  .status = S("termine"),
                  .session_uid = S(SESSION)};
    return db_transaction(c, debate_make_in, d);
}

/* What keeps the demo from speaking; null when nothing does. */
static Str mute_because(Ctx *c) {
    Str missing = tool_missing(c->arena, TOOL_FFMPEG), out;
    const char *argv[] = {"espeak-ng", "--version", NULL};
    if (!str_is_null(missing)) return missing;
    if (process_run(c, (ProcessOptions){.argv = argv}, SAID_MAX, &out))
        return S("espeak-ng is missing: install it (apt install espeak-ng)");
    return (Str){0};
}

static Err *transcript_import(Ctx *c, Str xml) {
    OpenDataFigures figures = {0};
    return open_data_transcripts.import(c, S("demo.xml"), xml, &figures);
}

Err *robian_demo(Ctx *c) {
    char base[300];
    Debate d;
    Str xml;
    bool here = base_url(base, sizeof base);
    Str url =
        here ? strf(c->arena, "%svideo.1_de30.seance", base) : S("https://demo.invalid/seance");
    TRY(debate_ensure(c, url, &d));
    if (d.has_audio) return NULL;
    if (!is_there(c->arena, file_path(c->arena, "seance.mp4"))) {
        Str why =
            here ? mute_because(c) : S("this server has no address of its own that is known now");
        if (!str_is_null(why)) {
            log_msg(c, LOG_WARN, "the demo's sitting has no audio: %.*s", S_ARG(why));
            return transcript_import(c, transcript_write(c, d.date, NULL));
        }
        TRY(video_make(c, d.date));
    }
    TRY(file_read_all(c, file_path(c->arena, "seance.xml"), FILE_MAX, &xml));
    TRY(transcript_import(c, xml));
    ExtractionAsked asked = {.priority = S("high"),
                             .format = S("mp3"),
                             .quality = S("128k"),
                             .any_format = true,
                             .any_quality = true};
    Extraction e;
    return extraction_start(c, d.id, &asked, NULL, NULL, &e);
}

/* -- its page ----------------------------------------------------------------------------------------- */

static Err *page_write(Ctx *c, Call *k, const char *base) {
    Buf b = buf_new(c->arena, 1024);
    buf_f(&b,
          "<!DOCTYPE html>\n<html lang=\"fr\"><head><meta charset=\"utf-8\"><title>" TITLE
          "</title>\n"
          "<meta property=\"og:title\" content=\"" TITLE "\">\n"
          "<meta itemprop=\"contentURL\" content=\"%sseance.mp4\">\n</head><body><h1>" TITLE "</h1>"
          "<video controls src=\"seance.mp4\"></video></body></html>\n",
          base);
    k->r->content_type = S("text/html; charset=utf-8");
    k->r->body = buf_str(&b);
    k->answered = true;
    return NULL;
}

static Err *video_send(Ctx *c, Call *k) {
    int fd;
    struct stat st;
    TRY(file_open(c, file_path(c->arena, "seance.mp4"), O_RDONLY, 0, &fd));
    defer(c, close_later, (void *)(intptr_t)fd);
    if (fstat(fd, &st) != 0) FAIL(c, INTERNAL, "the demo's video has no size");
    reply_file(c, k->r, fd, st.st_size, S("video/mp4"), (Str){0},
               (Time){st.st_mtime * US_PER_SECOND}, (Str){0});
    k->answered = true;
    return NULL;
}

static Err *demo_get(Ctx *c, Call *k) {
    char base[300];
    bool here =
        base_url(base, sizeof base) && is_there(c->arena, file_path(c->arena, "seance.mp4"));
    if (here && str_eq(k->params[0], S("seance.mp4"))) return video_send(c, k);
    if (here && str_starts(k->params[0], S("video."))) return page_write(c, k, base);
    FAIL(c, NOT_FOUND, "There is no such file of a demo.");
}

const Route demo_routes[] = {
    {GET, PATH "{file}", demo_get, .access = ACCESS_OPEN, .out_type = "text/html, video/mp4",
     .errors = "404", .tag = "extraction", .doc = "The demo's own video page; not in production"},
    {0},
};
