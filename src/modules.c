/* SPDX-License-Identifier: Apache-2.0
 * What this binary is made of. The base's modules come first: products build on them. */
#include "modules.h"

#include "api/accounts.h"
#include "api/ai_module.h"
#include "api/api.h"
#include "api/base_settings.h"
#include "api/blob_use.h"
#include "api/meili.h"
#include "api/work_routes.h"
#include "ops/ops.h"
#include "products/lifetales/lifetales.h"
#include "products/robian/robian.h"
#include "products/sylion/sylion.h"
#include "products/veyl/veyl.h"

typedef struct Listed {
    const Module *module;
    bool product; /* can be left out by --products */
} Listed;

static const Listed listed[] = {
    {&ops_module, false},
    {&api_module, false},
    {&accounts_module, false},
    {&work_module, false},
    {&meili_module, false},
    {&ai_module, false},
    {&veyl_module, true},
    {&robian_module, true},
    {&sylion_module, true},
    {&lifetales_module, true},
};

const ImportKind import_kinds[] = {
    {"veyl posts", VEYL_IMPORT_OPTIONS, "Posts: NDJSON, and what TikTok, Instagram and Facebook hand out", veyl_import_posts},
    {"robian agenda", NULL, "The Assembly's agenda: réunions as JSON; files, folders, archives", robian_import_agenda},
    {"robian deputies", NULL, "Its people and bodies: acteurs and organes as JSON", robian_import_deputies},
    {"robian votes", NULL, "Its public votes: scrutins as JSON", robian_import_votes},
    {"robian transcripts", NULL, "What was said in its sittings: comptes rendus as XML (Syceron)", robian_import_transcripts},
    {"robian nvs", NULL, "Timelines of its videos: data.nvs with finalplayer.nvs or liveplayer.nvs", robian_import_nvs},
    {"robian fetch", ROBIAN_FETCH_OPTIONS, "What the Assembly publishes: all, or deputies, agenda, votes, transcripts", robian_import_fetch},
    {"lifetales", LIFETALES_IMPORT_OPTIONS, "Stories' spaces and notes: what the web app or an export has, JSON lines of notes", lifetales_import},
    {NULL, NULL, NULL, NULL},
};
const ptrdiff_t import_kind_count = COUNT(import_kinds) - 1;

const ExportKind export_kinds[] = {
    {"veyl posts", VEYL_EXPORT_OPTIONS, "Posts as NDJSON, JSON or CSV", veyl_export_posts},
    {"lifetales", LIFETALES_EXPORT_OPTIONS, "Everything a person has in it, as a tar file", lifetales_export},
    {NULL, NULL, NULL, NULL},
};
const ptrdiff_t export_kind_count = COUNT(export_kinds) - 1;

static bool named(Str names, Str name) {
    for (Str rest = names, one; !str_is_null(rest);) {
        rest = str_cut(rest, ',', &one);
        if (str_eq(str_trim(one), name)) return true;
    }
    return false;
}

static bool is_product(Str name) {
    for (ptrdiff_t i = 0; i < COUNT(listed); i++)
        if (listed[i].product && str_eq(str_c(listed[i].module->name), name)) return true;
    return false;
}

const Module **modules_chosen(Arena *arena, ptrdiff_t *count, Str *unknown) {
    Str products = str_trim(settings.products);
    bool all = str_is_empty(products), none = str_eq(products, S("none"));
    for (Str rest = products, one; !all && !none && !str_is_null(rest);) {
        rest = str_cut(rest, ',', &one);
        *unknown = str_trim(one);
        if (!is_product(*unknown)) return NULL;
    }
    const Module **chosen = arena_array(arena, const Module *, COUNT(listed));
    *count = 0;
    for (ptrdiff_t i = 0; i < COUNT(listed); i++)
        if (all || !listed[i].product || named(products, str_c(listed[i].module->name)))
            chosen[(*count)++] = listed[i].module;
    return chosen;
}

SettingTables modules_settings(Arena *arena) {
    SettingTables all = {
        .tables = arena_array(arena, const Setting *, COUNT(listed) + 1),
        .counts = arena_array(arena, ptrdiff_t, COUNT(listed) + 1),
    };
    all.tables[all.count] = base_settings;
    all.counts[all.count++] = base_setting_count;
    for (ptrdiff_t i = 0; i < COUNT(listed); i++) {
        if (listed[i].module->setting_count == 0) continue;
        all.tables[all.count] = listed[i].module->settings;
        all.counts[all.count++] = listed[i].module->setting_count;
    }
    return all;
}

/* Of all that are listed: rows of a product that was left out are still there. */
static void blob_holders_tell(void) {
    static BlobHolder holders[COUNT(listed)];
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < COUNT(listed); i++)
        if (listed[i].module->has_blob) holders[count++] = listed[i].module->has_blob;
    blob_holders_set(holders, count);
}

static void user_erasers_tell(void) {
    static UserEraser erasers[COUNT(listed)];
    ptrdiff_t count = 0;
    for (ptrdiff_t i = 0; i < COUNT(listed); i++)
        if (listed[i].module->erase) erasers[count++] = listed[i].module->erase;
    user_erasers_set(erasers, count);
}

static void jobs_tell(Ctx *c, const Module *const *modules, ptrdiff_t count) {
    ptrdiff_t n = count, at = 0;
    for (ptrdiff_t i = 0; i < count; i++)
        for (const JobTable *t = modules[i]->job_tables; t && t->kinds; t++) n++;
    const JobKind **tables = arena_array(c->arena, const JobKind *, n);
    ptrdiff_t *counts = arena_array(c->arena, ptrdiff_t, n);
    for (ptrdiff_t i = 0; i < count; i++) {
        tables[at] = modules[i]->jobs;
        counts[at++] = modules[i]->job_count;
        for (const JobTable *t = modules[i]->job_tables; t && t->kinds; t++) {
            tables[at] = t->kinds;
            counts[at++] = *t->count;
        }
    }
    jobs_kinds_set(tables, counts, n);
}

Err *modules_register(Ctx *c, const Module *const *modules, ptrdiff_t count) {
    const Schedule **schedules = arena_array(c->arena, const Schedule *, count);
    const ChannelRule **channels = arena_array(c->arena, const ChannelRule *, count);
    const Collection *const **collections = arena_array(c->arena, const Collection *const *, count);
    ptrdiff_t *schedule_counts = arena_array(c->arena, ptrdiff_t, count);
    ptrdiff_t *channel_counts = arena_array(c->arena, ptrdiff_t, count);
    for (ptrdiff_t i = 0; i < count; i++) {
        schedules[i] = modules[i]->schedules;
        schedule_counts[i] = modules[i]->schedule_count;
        channels[i] = modules[i]->channels;
        channel_counts[i] = modules[i]->channel_count;
        collections[i] = modules[i]->collections;
    }
    jobs_tell(c, modules, count);
    event_rules_set(channels, channel_counts, count);
    collections_set(collections, count);
    blob_holders_tell();
    user_erasers_tell();
    return schedules_set(c, schedules, schedule_counts, count);
}

void modules_metrics_declare(void) {
    for (ptrdiff_t i = 0; i < COUNT(listed); i++)
        if (listed[i].module->metrics) listed[i].module->metrics();
}

void modules_stop(Ctx *c, const Module *const *modules, ptrdiff_t count) {
    while (count > 0)
        if (modules[--count]->stop) modules[count]->stop(c);
}

static Err *indexes_open(Ctx *c) {
    ptrdiff_t count;
    const Collection *const *all = collections_all(&count);
    for (ptrdiff_t i = 0; i < count; i++) {
        SearchIndex *index = search_find(c->app, str_c(all[i]->def->name));
        if (!index) TRY(search_open(c, c->app, all[i]->def, &index));
    }
    return NULL;
}

Err *modules_start(Ctx *c, const Module *const *modules, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++)
        if (modules[i]->prepare) TRY(modules[i]->prepare(c));
    TRY(indexes_open(c));
    for (ptrdiff_t i = 0; i < count; i++) {
        Err *err = modules[i]->start ? modules[i]->start(c) : NULL;
        if (!err) continue;
        modules_stop(c, modules, i);
        return err_wrap(c, err->kind, __func__, err, "%s does not start: %.*s", modules[i]->name,
                        S_ARG(err->detail));
    }
    return NULL;
}
