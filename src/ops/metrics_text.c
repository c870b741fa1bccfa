/* SPDX-License-Identifier: Apache-2.0
 * The two text formats. What differs in OpenMetrics: a counter's head has the name without
 * `_total`, help texts escape quotes, and the text ends with `# EOF`. Bounds are written as
 * floats (`1.0`) in both, as OpenMetrics wants and Prometheus 3 makes of them.
 *
 * A family's head is written with its first sample, so that one with nothing to say is left out. */
#include <math.h>

#include "core/arena.h"
#include "ops/metrics_room.h"
#include "rt/coro.h"

struct MetricOut {
    Buf *b;
    const Metric *metric;
    bool openmetrics, headed;
};

static void buf_escaped(Buf *b, Str text, bool quotes) {
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (byte == '\n')
            buf_add(b, S("\\n"));
        else if (byte == '\\' || (byte == '"' && quotes))
            buf_f(b, "\\%c", byte);
        else
            buf_byte(b, byte);
    }
}

static void buf_number(Buf *b, double value) {
    if (isnan(value))
        buf_add(b, S("NaN"));
    else if (isinf(value))
        buf_add(b, value > 0 ? S("+Inf") : S("-Inf"));
    else if (value == floor(value) && fabs(value) < 9e15)
        buf_i64(b, (int64_t)value);
    else
        buf_f64(b, value);
}

static void family_head(MetricOut *o) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const Metric *m = o->metric;
    const char *suffix = m->kind == METRIC_COUNTER && !o->openmetrics ? "_total" : "";
    if (o->headed) return;
    o->headed = true;
    buf_f(o->b, "# HELP %s%s ", m->name, suffix);
    buf_escaped(o->b, str_c(m->doc), o->openmetrics);
    buf_f(o->b, "\n# TYPE %s%s %s\n", m->name, suffix, kinds[m->kind]);
}

/* `{a="x",b="y"`, without its end; false when nothing was written. */
static bool labels_begin(MetricOut *o, const Str *values) {
    Str rest = str_c(o->metric->labels), name;
    bool any = false;
    for (ptrdiff_t i = 0; rest.len > 0; i++) {
        rest = str_cut(rest, ' ', &name);
        buf_byte(o->b, any ? ',' : '{');
        buf_add(o->b, name);
        buf_add(o->b, S("=\""));
        buf_escaped(o->b, values[i], true);
        buf_byte(o->b, '"');
        any = true;
    }
    return any;
}

static void sample_begin(MetricOut *o, const char *suffix, const Str *values) {
    buf_f(o->b, "%s%s", o->metric->name, suffix);
    if (labels_begin(o, values)) buf_byte(o->b, '}');
    buf_byte(o->b, ' ');
}

void metric_sample(MetricOut *out, const Str *labels, double value) {
    assert(out->metric->kind != METRIC_HISTOGRAM);
    family_head(out);
    sample_begin(out, out->metric->kind == METRIC_COUNTER ? "_total" : "", labels);
    buf_number(out->b, value);
    buf_byte(out->b, '\n');
}

/* Divided, not multiplied by a fraction: 1500 ms are 1.5 s to the last digit. */
static double scaled(const Metric *m, int64_t value) {
    return m->per_unit ? (double)value / (double)m->per_unit : (double)value;
}

static void bound_put(Buf *b, double bound) {
    ptrdiff_t from = b->len;
    buf_f(b, "%.12g", bound);
    Str text = str_of(b->data + from, b->len - from);
    if (str_find_byte(text, '.') < 0 && str_find_byte(text, 'e') < 0) buf_add(b, S(".0"));
}

void metric_histogram(MetricOut *out, const Str *labels, const int64_t *counts, int64_t sum) {
    const Metric *m = out->metric;
    assert(m->kind == METRIC_HISTOGRAM);
    family_head(out);
    int64_t so_far = 0;
    for (int32_t i = 0; i <= m->bound_count; i++) {
        so_far += counts[i];
        buf_f(out->b, "%s_bucket", m->name);
        buf_add(out->b, labels_begin(out, labels) ? S(",le=\"") : S("{le=\""));
        if (i < m->bound_count)
            bound_put(out->b, scaled(m, m->bounds[i]));
        else
            buf_add(out->b, S("+Inf"));
        buf_f(out->b, "\"} %lld\n", (long long)so_far);
    }
    sample_begin(out, "_sum", labels);
    buf_number(out->b, scaled(m, sum));
    buf_byte(out->b, '\n');
    sample_begin(out, "_count", labels);
    buf_f(out->b, "%lld\n", (long long)so_far);
}

static void counted_write(MetricOut *o) {
    const Metric *m = o->metric;
    for (int32_t value = 0; value < metric_values_count(m); value++) {
        Str label = m->values ? str_c(m->values[value]) : (Str){0};
        int32_t first = metric_cell(m, value);
        int64_t counts[METRIC_BOUNDS_MAX + 1] = {0};
        if (m->kind != METRIC_HISTOGRAM) {
            metric_sample(o, &label, scaled(m, metric_cell_sum(first)));
            continue;
        }
        for (int32_t i = 0; i <= m->bound_count; i++) counts[i] = metric_cell_sum(first + i);
        metric_histogram(o, &label, counts, metric_cell_sum(first + m->bound_count + 1));
    }
}

static void figure_write(MetricOut *o, const void *prepared) {
    int64_t value;
    memcpy(&value, (const char *)prepared + o->metric->figure - 1, sizeof value);
    if (value >= 0) metric_sample(o, NULL, scaled(o->metric, value));
}

static void family_write(Ctx *c, const Metric *m, const MetricTable *table, const void *prepared,
                         Buf *b, bool openmetrics) {
    MetricOut out = {.b = b, .metric = m, .openmetrics = openmetrics};
    if (m->cells)
        counted_write(&out);
    else if (table->prepare && !prepared)
        return;
    else if (m->figure)
        figure_write(&out, prepared);
    else
        m->collect(c, prepared, &out);
}

void metrics_text(Ctx *c, Buf *b, bool openmetrics) {
    const MetricTable *table;
    for (ptrdiff_t t = 0; (table = metric_table(t)); t++) {
        const void *prepared = table->prepare ? table->prepare(c) : NULL;
        for (ptrdiff_t i = 0; i < table->count; i++)
            family_write(c, &table->metrics[i], table, prepared, b, openmetrics);
        if (c->coro) coro_yield(c);
    }
    if (openmetrics) buf_add(b, S("# EOF\n"));
}

void metrics_print(Buf *b) {
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const MetricTable *table;
    buf_add(b, S("# Metrics\n\n`GET /metrics` gives them as Prometheus text 0.0.4, or as "
                 "OpenMetrics 1.0 to who asks "
                 "for\n`application/openmetrics-text`. Times are in seconds, sizes in bytes. Paths "
                 "are route "
                 "patterns.\n\n| name | kind | labels | what |\n|---|---|---|---|\n"));
    for (ptrdiff_t t = 0; (table = metric_table(t)); t++)
        for (ptrdiff_t i = 0; i < table->count; i++) {
            const Metric *m = &table->metrics[i];
            buf_f(b, "| `%s%s` | %s | %s | %s |\n", m->name,
                  m->kind == METRIC_COUNTER ? "_total" : "", kinds[m->kind],
                  m->labels ? m->labels : "", m->doc);
        }
}
