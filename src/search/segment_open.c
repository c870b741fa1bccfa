/* SPDX-License-Identifier: Apache-2.0
 * A block taken for a segment: its head, table and sums are verified once, and that every section
 * has the length that the counts ask for; from then on its bytes are trusted. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "search/segment_room.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "blocks are little-endian");

static void sum_number(XXH3_state_t *state, int64_t number) {
    XXH3_64bits_update(state, &number, sizeof number);
}

static void sum_text(XXH3_state_t *state, const char *text) {
    XXH3_64bits_update(state, text, strlen(text) + 1);
}

uint64_t segment_fingerprint(const SearchDef *def) {
    XXH3_state_t *state = XXH3_createState();
    if (!state) abort();
    XXH3_64bits_reset(state);
    sum_number(state, SEGMENT_FORMAT);
    sum_text(state, def->name);
    for (int f = 0; f < def->field_count; f++) {
        sum_text(state, def->fields[f].name);
        sum_number(state, (int64_t)def->fields[f].kind);
        sum_number(state, def->fields[f].use);
    }
    sum_number(state, def->order_field);
    sum_number(state, def->partition_field);
    sum_number(state, def->tuning.stem);
    sum_number(state, def->version);
    if (vector_field(def) >= 0) sum_number(state, def->vectors_elsewhere ? 0 : def->dims);
    uint64_t sum = XXH3_64bits_digest(state);
    XXH3_freeState(state);
    return sum;
}

int segment_sections_max(const SearchDef *def) {
    int vectors = vector_field(def) < 0 ? 0 : VECTOR_PARTS;
    return PART_WHOLE_END - 1 + def->field_count * FIELD_PARTS + vectors;
}

/* -- Verifying ----------------------------------------------------------------------------------- */

static const Section *sections_of(const char *block) {
    return (const void *)(block + sizeof(Head));
}

static const char *head_fault(const SearchDef *def, const char *block, int64_t bytes) {
    int64_t front = (int64_t)sizeof(Head) + segment_sections_max(def) * (int64_t)sizeof(Section);
    Head head;
    if (bytes < (int64_t)sizeof head) return "it is too short";
    memcpy(&head, block, sizeof head);
    if (memcmp(head.magic, "SOCLESEG", sizeof head.magic) != 0) return "it is no segment";
    if (head.format != SEGMENT_FORMAT) return "it was written by another version";
    if (head.def != segment_fingerprint(def)) return "it belongs to another definition";
    if (head.bytes != (uint64_t)bytes || bytes < front || bytes % 8) return "its length is wrong";
    XXH3_state_t *state = XXH3_createState();
    if (!state) abort();
    XXH3_64bits_reset(state);
    uint64_t sum = head.sum;
    head.sum = 0;
    XXH3_64bits_update(state, &head, sizeof head);
    XXH3_64bits_update(state, block + sizeof head, (size_t)(front - (int64_t)sizeof head));
    bool good = XXH3_64bits_digest(state) == sum;
    XXH3_freeState(state);
    if (!good) return "its table is damaged";
    if (head.sections > (uint32_t)segment_sections_max(def)) return "its table is damaged";
    return NULL;
}

/* Sections lie one behind the other and fill the block. */
static const char *sections_fault(const SearchDef *def, const char *block, int64_t bytes) {
    const Head *head = (const void *)block;
    const Section *s = sections_of(block);
    uint64_t at = sizeof(Head) + (uint64_t)segment_sections_max(def) * sizeof(Section);
    for (uint32_t i = 0; i < head->sections; at += s[i++].bytes) {
        if (s[i].at != at || s[i].bytes % 8 || s[i].bytes > (uint64_t)bytes - at)
            return "its table is damaged";
        if (s[i].part < PART_KEYS || s[i].part >= PART_END ||
            s[i].field >= (s[i].part < PART_WHOLE_END ? 1 : def->field_count))
            return "its table is damaged";
        if (s[i].part >= PART_FIELD_END && s[i].field != vector_field(def))
            return "its table is damaged";
        if (XXH3_64bits(block + at, (size_t)s[i].bytes) != s[i].sum) return "a section is damaged";
    }
    return at == (uint64_t)bytes ? NULL : "its table is damaged";
}

/* -- Finding the parts --------------------------------------------------------------------------- */

static uint32_t items_in(const Section *s, size_t size) { return (uint32_t)(s->bytes / size); }

static void whole_part(Segment *s, const Section *section, const void *at) {
    switch ((Part)section->part) {
    case PART_KEYS: s->keys = at; break;
    case PART_BY_KEY: s->by_key = at; break;
    case PART_WORD_AT: s->word_at = at; break;
    case PART_POSTINGS: s->postings = at; break;
    case PART_SETS: s->sets = at; break;
    case PART_FORWARD_AT:
        if (section->wide)
            s->forward_at_wide = at;
        else
            s->forward_at = at;
        break;
    case PART_FORWARD: s->forward = at; break;
    case PART_PAIRS:
        s->pairs = at;
        s->pair_count = items_in(section, sizeof *s->pairs);
        break;
    case PART_PREFIXES:
        s->prefixes = at;
        s->prefix_count = items_in(section, sizeof *s->prefixes);
        break;
    default: break;
    }
}

static void field_part(FieldParts *f, const Section *section, const void *at) {
    switch ((Part)section->part) {
    case PART_HAVING: memcpy(&f->having, at, sizeof f->having); break;
    case PART_BRIEF: memcpy(&f->brief, at, sizeof f->brief); break;
    case PART_NUMBERS: f->numbers = at; break;
    case PART_BY_NUMBER: f->by_number = at; break;
    case PART_QUANTILES: f->quantiles = at; break;
    case PART_VALUES:
        f->values = at;
        f->value_count = items_in(section, sizeof *f->values);
        break;
    case PART_VALUE_TEXT: f->value_text = at; break;
    case PART_VALUES_BY_COUNT: f->values_by_count = at; break;
    case PART_DOC_VALUE_AT: f->doc_value_at = at; break;
    case PART_DOC_VALUES: f->doc_values = at; break;
    default: break;
    }
}

/* What must be there for the counts in the head. Lengths were padded to 8 bytes. */
static bool section_fits(const Segment *s, const Section *section) {
    uint64_t docs = s->docs, need = 0;
    switch ((Part)section->part) {
    case PART_KEYS:
    case PART_NUMBERS: need = docs * 8; break;
    case PART_BY_KEY: need = docs * 4; break;
    case PART_WORD_AT: need = ((uint64_t)s->words + 1) * 4; break;
    case PART_POSTINGS: need = (uint64_t)s->words * sizeof(Posting); break;
    case PART_FORWARD_AT: need = (docs + 1) * (section->wide ? 8 : 4); break;
    case PART_HAVING:
    case PART_BRIEF: need = sizeof(SetRef); break;
    case PART_QUANTILES: need = (QUANTILES - 1) * ((docs + 63) / 64) * 8; break;
    case PART_DOC_VALUE_AT: need = (docs + 1) * 4; break;
    default: break;
    }
    return section->bytes >= need;
}

/* Rows begin at the next VECTOR_ALIGN. */
static const void *rows_at(const Segment *s, const Section *section, uint64_t need) {
    uint64_t lead = -section->at & (VECTOR_ALIGN - 1);
    bool fits = section->bytes >= lead && section->bytes - lead >= need;
    return fits ? s->block + section->at + lead : NULL;
}

static bool vectors_find(Segment *s) {
    VectorRows *v = &s->vectors;
    const Head *head = (const void *)s->block;
    const Section *section = sections_of(s->block), *end = section + head->sections;
    if (s->vector_field < 0) return true;
    v->dims = s->def->dims;
    v->count = s->fields[s->vector_field].having.count;
    for (; section < end && v->count; section++) {
        uint64_t rows = v->count, at = section->at;
        switch ((Part)section->part) {
        case PART_VECTORS:
            v->units = rows_at(s, section, rows * (uint64_t)vector_floats(v->dims) * 4);
            break;
        case PART_VECTOR_CODES:
            v->codes = rows_at(s, section, rows * (uint64_t)vector_width(v->dims));
            break;
        case PART_VECTOR_FITS:
            if (section->bytes >= rows * sizeof *v->fits) v->fits = (const void *)(s->block + at);
            break;
        case PART_VECTOR_DOCS:
            if (section->bytes >= rows * 4) v->docs = (const void *)(s->block + at);
            break;
        default: break;
        }
    }
    if (v->count == 0) return true;
    return v->units && v->codes && v->fits && !v->docs == (v->count == s->docs);
}

static bool parts_find(Segment *s) {
    const Head *head = (const void *)s->block;
    const Section *sections = sections_of(s->block);
    for (uint32_t i = 0; i < head->sections; i++) {
        const Section *section = &sections[i];
        const char *at = s->block + section->at;
        if (!section_fits(s, section)) return false;
        if (section->part == PART_LEXICON) {
            if (!lexicon_open(&s->lexicon, str_of(at, (ptrdiff_t)section->bytes))) return false;
        } else if (section->part < PART_WHOLE_END)
            whole_part(s, section, at);
        else
            field_part(&s->fields[section->field], section, at);
    }
    if (!s->docs || !s->keys || s->lexicon.words != s->words) return false;
    if (s->words && (!s->word_at || !s->postings || !s->forward)) return false;
    /* Of parts left out nothing is read, but their beginnings are reckoned with. */
    if (!s->forward) s->forward = (const void *)s->block;
    if (!s->sets) s->sets = s->block;
    for (int f = 0; f < s->def->field_count; f++) {
        FieldParts *parts = &s->fields[f];
        parts->number_count = parts->numbers ? parts->having.count : 0;
        if (!parts->value_text) parts->value_text = s->block;
    }
    return (s->forward_at || s->forward_at_wide) && vectors_find(s);
}

static uint64_t *all_make(uint32_t docs) {
    size_t words = ((size_t)docs + 63) / 64;
    uint64_t *all = malloc(words * 8 + 8);
    if (!all) abort();
    memset(all, 0xff, words * 8);
    if (docs % 64) all[words - 1] = ((uint64_t)1 << docs % 64) - 1;
    return all;
}

Segment *segment_over(const SearchDef *def, const char *block, int64_t bytes, bool mapped,
                      const char **why) {
    const Head *head = (const void *)block;
    size_t fields = (size_t)def->field_count * sizeof(FieldParts);
    Segment *s = calloc(1, sizeof *s + fields);
    if (!s) abort();
    atomic_init(&s->references, 1);
    s->def = def;
    s->block = block;
    s->bytes = bytes;
    s->mapped = mapped;
    s->docs = head->docs;
    s->words = head->words;
    s->vector_field = vector_field(def);
    if (parts_find(s)) {
        s->all = all_make(s->docs);
        s->keep = keep_new(s->docs);
        return s;
    }
    free(s);
    *why = "its parts do not fit together";
    return NULL;
}

/* -- Files --------------------------------------------------------------------------------------- */

static Err *block_map(Ctx *c, Str path, const char **block, int64_t *bytes) {
    int fd = open(str_cstr(c->arena, path), O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) FAIL(c, NOT_FOUND, "%.*s is not there.", S_ARG(path));
    if (fd < 0) FAIL(c, INTERNAL, "Opening %.*s: %s.", S_ARG(path), strerror(errno));
    struct stat stat;
    int error = fstat(fd, &stat) == 0 ? 0 : errno;
    void *at = NULL;
    if (!error && S_ISREG(stat.st_mode) && stat.st_size >= (off_t)sizeof(Head)) {
        at = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (at == MAP_FAILED) error = errno;
    }
    close(fd);
    if (error) FAIL(c, INTERNAL, "Mapping %.*s: %s.", S_ARG(path), strerror(error));
    if (!at) FAIL(c, INVALID, "%.*s is no segment: it is too short.", S_ARG(path));
    *block = at;
    *bytes = stat.st_size;
    return NULL;
}

Err *segment_open(Ctx *c, const SearchDef *def, Str path, Segment **out) {
    const char *block = NULL, *why;
    int64_t bytes = 0;
    *out = NULL;
    TRY(block_map(c, path, &block, &bytes));
    (void)madvise((void *)(uintptr_t)block, (size_t)bytes, MADV_WILLNEED);
    why = head_fault(def, block, bytes);
    if (!why) why = sections_fault(def, block, bytes);
    if (!why) *out = segment_over(def, block, bytes, true, &why);
    if (*out) return NULL;
    munmap((void *)(uintptr_t)block, (size_t)bytes);
    FAIL(c, INVALID, "%.*s cannot be used: %s.", S_ARG(path), why);
}

Segment *segment_hold(Segment *s) {
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void segment_release(Segment *s) {
    if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) > 1) return;
    if (s->mapped)
        munmap((void *)(uintptr_t)s->block, (size_t)s->bytes);
    else
        free((void *)(uintptr_t)s->block);
    keep_free(s->keep);
    free(s->all);
    free(s);
}
