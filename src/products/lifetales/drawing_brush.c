/* SPDX-License-Identifier: Apache-2.0
 * Brushes of a drawing: how the styles fill a shape (illustration: flat, with a contour of ink; pastel:
 * soft; cinematic and realistic: lit from the sun's side), and the shapes that all parts are made of. */
#include <math.h>
#include <stdlib.h>

#include "products/lifetales/drawing_paint.h"

void paint_rgb(Painting *p, Rgb colour, double alpha) {
    cairo_set_source_rgba(p->cr, colour.r, colour.g, colour.b, alpha);
}

/* Ink thins out with the distance, and is never black. */
void paint_contour(Painting *p, double depth) {
    if (p->scene->style != PAINT_ILLUSTRATION || depth > 0.9) return;
    Rgb ink = rgb_mix(rgb_mix(RGB(0x2b2530), rgb_scale(p->light.air, 0.35), 0.4), p->light.haze,
                      depth * 0.7);
    cairo_set_line_width(p->cr, p->hand.line * (1.15 - 0.75 * depth));
    cairo_set_line_join(p->cr, CAIRO_LINE_JOIN_ROUND);
    paint_rgb(p, ink, 0.9 - 0.5 * depth);
    cairo_stroke_preserve(p->cr);
}

static void source_lit(Painting *p, Rgb bright, Rgb dark) {
    double x0, y0, x1, y1;
    cairo_path_extents(p->cr, &x0, &y0, &x1, &y1);
    bool left = p->light.sun_x * PAINT_W < (x0 + x1) / 2;
    cairo_pattern_t *g = left ? cairo_pattern_create_linear(x0, y0, x0 + (x1 - x0) * 0.8, y1)
                              : cairo_pattern_create_linear(x1, y0, x1 - (x1 - x0) * 0.8, y1);
    cairo_pattern_add_color_stop_rgb(g, 0, bright.r, bright.g, bright.b);
    cairo_pattern_add_color_stop_rgb(g, 1, dark.r, dark.g, dark.b);
    cairo_set_source(p->cr, g);
    cairo_pattern_destroy(g);
}

void paint_fill(Painting *p, Rgb of, double depth) {
    static const double contrast[] = {0, 1, 0.55, 0.9};
    double c = contrast[p->scene->style];
    Rgb middle = paint_shade(p, of, 0.62, depth);
    if (c == 0)
        paint_rgb(p, middle, 1);
    else
        source_lit(p, rgb_mix(middle, paint_shade(p, of, 1, depth), c),
                   rgb_mix(middle, paint_shade(p, of, 0.1, depth), c));
    cairo_fill_preserve(p->cr);
    paint_contour(p, depth);
    cairo_new_path(p->cr);
}

void paint_fill_lit(Painting *p, Rgb of, double lit, double depth) {
    paint_rgb(p, paint_shade(p, of, lit, depth), 1);
    cairo_fill_preserve(p->cr);
    paint_contour(p, depth);
    cairo_new_path(p->cr);
}

void paint_plain(Painting *p, Rgb colour, double alpha) {
    paint_rgb(p, colour, alpha);
    cairo_fill(p->cr);
}

void paint_stroke(Painting *p, Rgb of, double width, double depth) {
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_join(p->cr, CAIRO_LINE_JOIN_ROUND);
    if (p->scene->style == PAINT_ILLUSTRATION && depth < 0.8 && width > 3) {
        cairo_set_line_width(p->cr, width + p->hand.line * (1.2 - depth));
        paint_rgb(p, rgb_mix(RGB(0x2b2530), p->light.haze, depth * 0.7), 0.85 - 0.5 * depth);
        cairo_stroke_preserve(p->cr);
    }
    cairo_set_line_width(p->cr, width);
    paint_rgb(p, paint_shade(p, of, 0.45, depth), 1);
    cairo_stroke(p->cr);
}

static void round_spot(Painting *p, double x, double y, double r, Rgb c, double alpha) {
    cairo_pattern_t *g = cairo_pattern_create_radial(x, y, 0, x, y, r);
    cairo_pattern_add_color_stop_rgba(g, 0, c.r, c.g, c.b, alpha);
    cairo_pattern_add_color_stop_rgba(g, 0.25, c.r, c.g, c.b, alpha * 0.72);
    cairo_pattern_add_color_stop_rgba(g, 0.55, c.r, c.g, c.b, alpha * 0.26);
    cairo_pattern_add_color_stop_rgba(g, 1, c.r, c.g, c.b, 0);
    cairo_set_source(p->cr, g);
    cairo_pattern_destroy(g);
    cairo_rectangle(p->cr, x - r, y - r, 2 * r, 2 * r);
    cairo_fill(p->cr);
}

void paint_glow(Painting *p, double x, double y, double radius, Rgb colour, double alpha) {
    cairo_save(p->cr);
    cairo_set_operator(p->cr, CAIRO_OPERATOR_SCREEN);
    round_spot(p, x, y, radius, colour, alpha);
    cairo_restore(p->cr);
}

void paint_spot(Painting *p, double x, double y, double radius, Rgb colour, double alpha) {
    round_spot(p, x, y, radius, colour, alpha);
}

void paint_down(Painting *p, double y0, double y1, Rgb a, double alpha_a, Rgb b, double alpha_b) {
    cairo_pattern_t *g = cairo_pattern_create_linear(0, y0, 0, y1);
    cairo_pattern_add_color_stop_rgba(g, 0, a.r, a.g, a.b, alpha_a);
    cairo_pattern_add_color_stop_rgba(g, 1, b.r, b.g, b.b, alpha_b);
    cairo_set_source(p->cr, g);
    cairo_pattern_destroy(g);
    cairo_fill(p->cr);
}

void path_box(Painting *p, double x, double y, double w, double h) {
    cairo_rectangle(p->cr, x, y, w, h);
}

void path_oval(Painting *p, double x, double y, double rx, double ry) {
    cairo_new_sub_path(p->cr);
    cairo_save(p->cr);
    cairo_translate(p->cr, x, y);
    cairo_scale(p->cr, rx > 0.01 ? rx : 0.01, ry > 0.01 ? ry : 0.01);
    cairo_arc(p->cr, 0, 0, 1, 0, 2 * M_PI);
    cairo_restore(p->cr);
    cairo_close_path(p->cr);
}

void path_round_box(Painting *p, double x, double y, double w, double h, double r) {
    cairo_new_sub_path(p->cr);
    cairo_arc(p->cr, x + w - r, y + r, r, -M_PI / 2, 0);
    cairo_arc(p->cr, x + w - r, y + h - r, r, 0, M_PI / 2);
    cairo_arc(p->cr, x + r, y + h - r, r, M_PI / 2, M_PI);
    cairo_arc(p->cr, x + r, y + r, r, M_PI, M_PI * 1.5);
    cairo_close_path(p->cr);
}

void path_poly(Painting *p, const double *xy, int points) {
    cairo_move_to(p->cr, xy[0], xy[1]);
    for (int i = 1; i < points; i++) cairo_line_to(p->cr, xy[2 * i], xy[2 * i + 1]);
    cairo_close_path(p->cr);
}

void path_line(Painting *p, double x0, double y0, double x1, double y1) {
    cairo_move_to(p->cr, x0, y0);
    cairo_line_to(p->cr, x1, y1);
}

void path_text(Painting *p, const char *text, double x, double y, double scale, double facing) {
    const double sx = facing < 0 ? -scale : scale;
    while (*text) {
        char verb = *text++;
        if (verb == ' ') continue;
        double n[6] = {0};
        int want = verb == 'C' ? 6 : verb == 'Z' ? 0 : 2;
        for (int i = 0; i < want; i++) {
            char *end;
            n[i] = strtod(text, &end);
            assert(end != text);
            text = end;
            n[i] = i % 2 ? y + n[i] * scale : x + n[i] * sx;
        }
        if (verb == 'M')
            cairo_move_to(p->cr, n[0], n[1]);
        else if (verb == 'L')
            cairo_line_to(p->cr, n[0], n[1]);
        else if (verb == 'C')
            cairo_curve_to(p->cr, n[0], n[1], n[2], n[3], n[4], n[5]);
        else
            cairo_close_path(p->cr);
    }
}

void path_ridge(Painting *p, uint64_t seed, double base, double height, double wave, int octaves,
                double rough) {
    const double step = octaves > 3 ? 4 : 8;
    cairo_move_to(p->cr, -30, PAINT_H + 40);
    for (double x = -30; x <= PAINT_W + 30 + step; x += step)
        cairo_line_to(p->cr, x,
                      base - height * (0.5 + 0.5 * noise_at(seed, x / wave, octaves, rough)));
    cairo_line_to(p->cr, PAINT_W + 40, PAINT_H + 40);
    cairo_close_path(p->cr);
}
