/* SPDX-License-Identifier: Apache-2.0
 * yt-dlp, for pages that are not the portal's and for HLS. It fetches by itself, and so through our
 * guard (guard.h), which lets it no further than our own client goes. First it only tells what it
 * found (-J), so that what is too long or still live is refused before anything is fetched. It never
 * calls ffmpeg: what it fetched is handed on as it is. */
#include "core/json.h"
#include "products/robian/guard.h"
#include "products/robian/robian.h"
#include "products/robian/source.h"

enum { TOLD_MAX = 32 * 1024 * 1024 };

/* Options that would show in the list of processes go in by standard input. */
static Str hidden_options(Ctx *c) {
    return strf(c->arena, "--proxy \"%.*s\"\n", S_ARG(guard_url(c->arena)));
}

static bool says(Str text, const char *words) { return str_find(text, str_c(words)) >= 0; }

/* What it says on standard error, in our kinds. */
static Err *refused(Ctx *c, Err *err, Str errors) {
    static const char *const passing[] = {"timed out",        "HTTP Error 5",
                                          "HTTP Error 429",   "Connection refused",
                                          "Connection reset", "Tunnel connection failed: 502"};
    if (err->kind != ERR_INVALID) return err;
    if (says(errors, "Not a public address"))
        return err_wrap(c, ERR_FORBIDDEN, __func__, err,
                        "La source mène à une adresse privée : refusé.");
    if (says(errors, "HTTP Error 404") || says(errors, "HTTP Error 410"))
        return err_wrap(c, ERR_NOT_FOUND, __func__, err, "La source n'existe pas.");
    if (says(errors, "Unsupported URL"))
        return err_wrap(c, ERR_INVALID, __func__, err,
                        "Aucune vidéo n'est connue à cette adresse.");
    for (int i = 0; i < COUNT(passing); i++)
        if (says(errors, passing[i]))
            return err_wrap(c, ERR_UPSTREAM, __func__, err, "La source est indisponible.");
    return err;
}

static Err *ask(Ctx *c, Str url, Str folder, json_t **told) {
    const char *args[] = {"--ignore-config",
                          "--config-locations",
                          "-",
                          "--no-playlist",
                          "--playlist-items",
                          "1",
                          "--no-cache-dir",
                          "--no-warnings",
                          "--socket-timeout",
                          "20",
                          "-J",
                          "--",
                          str_cstr(c->arena, url),
                          NULL};
    Str text, errors = {0};
    ToolRun run = {.tool = TOOL_YT_DLP,
                   .folder = folder,
                   .args = args,
                   .input = hidden_options(c),
                   .output = &text,
                   .max_output = TOLD_MAX,
                   .errors = &errors};
    Err *err = tool_run(c, &run);
    if (err) return refused(c, err, errors);
    return json_parse(c, text, told);
}

static Err *check(Ctx *c, const json_t *told) {
    double seconds;
    if (json_is_true(json_at(told, "is_live")))
        FAIL(c, CONFLICT, "La vidéo est encore en direct : son audio viendra après.");
    if (json_f64(json_at(told, "duration"), &seconds) && seconds > (double)robian.extraction_max_s)
        FAIL(c, TOO_LARGE, "L'audio dure plus de %lld minutes.",
             (long long)(robian.extraction_max_s / 60));
    return NULL;
}

/* `PROG {…}` lines; a playlist in pieces has only an estimate of its size. */
static Err *progress_line(Ctx *c, Str line, void *arg) {
    const Stage *stage = arg;
    if (!str_starts(line, S("PROG "))) return NULL;
    json_error_t bad;
    Str text = str_slice(line, 5, line.len);
    if (json_too_deep_at(text) >= 0) return NULL;
    json_t *told = json_loadb(text.data, (size_t)text.len, 0, &bad);
    int64_t done = 0, total = 0;
    if (!json_i64(json_at(told, "total_bytes"), &total)) {
        double estimate;
        if (json_f64(json_at(told, "total_bytes_estimate"), &estimate)) total = (int64_t)estimate;
    }
    bool known = json_i64(json_at(told, "downloaded_bytes"), &done) && total > 0;
    json_decref(told);
    return stage_tell(c, *stage, known ? (double)done / (double)total : 0.5);
}

static Err *fetch(Ctx *c, Str url, Str folder, Stage stage) {
    const char *limit =
        str_cstr(c->arena, strf(c->arena, "%lld", (long long)robian.extraction_max_bytes));
    const char *args[] = {"--ignore-config",
                          "--config-locations",
                          "-",
                          "--no-playlist",
                          "--playlist-items",
                          "1",
                          "--no-cache-dir",
                          "--no-warnings",
                          "--no-mtime",
                          "--socket-timeout",
                          "20",
                          "--retries",
                          "2",
                          "--fragment-retries",
                          "2",
                          "--abort-on-unavailable-fragment",
                          "--max-filesize",
                          limit,
                          "--format",
                          "ba/b",
                          "--fixup",
                          "never",
                          "--downloader",
                          "m3u8:native",
                          "--ffmpeg-location",
                          "./none",
                          "--newline",
                          "--progress",
                          "--quiet",
                          "--progress-template",
                          "download:PROG %(progress)j",
                          "--output",
                          "source",
                          "--",
                          str_cstr(c->arena, url),
                          NULL};
    Str errors = {0};
    ToolRun run = {.tool = TOOL_YT_DLP,
                   .folder = folder,
                   .args = args,
                   .input = hidden_options(c),
                   .line = progress_line,
                   .arg = &stage,
                   .errors = &errors};
    Err *err = tool_run(c, &run);
    return err ? refused(c, err, errors) : NULL;
}

Err *yt_dlp_fetch(Ctx *c, Str url, Str folder, Stage stage, Source *out) {
    json_t *told;
    if (str_is_null(guard_url(c->arena)))
        FAIL(c, UNAVAILABLE, "Ce processus ne peut pas appeler yt-dlp.");
    out->origin = SOURCE_YT_DLP;
    out->url = url;
    out->own_mp3 = false;
    TRY(ask(c, url, folder, &told));
    TRY(check(c, told));
    Str title = json_str(json_at(told, "title"));
    if (str_is_empty(out->page.title) && title.len > 0) out->page.title = str_copy(c->arena, title);
    return fetch(c, url, folder, stage);
}
