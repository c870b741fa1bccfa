/* SPDX-License-Identifier: Apache-2.0
 * Land and water of a drawing: ridges that fade into the air, mountains with snow on them, ground, roads,
 * grass and flowers, and water that shows what stands above it. */
#include <math.h>

#include "products/lifetales/drawing_paint.h"

static bool white(const Painting *p) {
    return p->scene->weather == WEATHER_SNOW ||
           (p->scene->season == SEASON_WINTER && p->scene->weather != WEATHER_RAIN);
}

Rgb land_green(const Painting *p) {
    if (p->scene->place == PLACE_DESERT) return RGB(0xe2b877);
    if (white(p)) return RGB(0xf1f4fa);
    if (p->scene->season == SEASON_AUTUMN) return rgb_mix(p->hand.grass, RGB(0xc39a4a), 0.5);
    if (p->scene->season == SEASON_SPRING) return rgb_mix(p->hand.grass, RGB(0xa8c75c), 0.5);
    return p->hand.grass;
}

/* Grass and bushes on a slope, from afar. */
static void tufts(Painting *p, double top, double bottom, Rgb of, double depth) {
    for (int pass = 0; pass < 3; pass++) {
        for (int i = 0; i < 70; i++) {
            double t = chance(p), y = top + (bottom - top) * t, w = 5 + 11 * t;
            path_oval(p, chance_in(p, 0, PAINT_W), y, w * chance_in(p, 0.6, 1.6), 1 + t);
        }
        paint_plain(p, paint_shade(p, of, 0.1 + 0.45 * pass, depth), 0.3);
    }
    for (int i = 0; i < 9 && !white(p); i++) {
        double x = chance_in(p, 0, PAINT_W), y = chance_in(p, top + 50, bottom),
               r = chance_in(p, 5, 11);
        for (int k = 0; k < 4; k++)
            path_oval(p, x + (k - 1.5) * r * 0.8, y - (k % 2) * r * 0.4, r, r * 0.8);
        paint_plain(p, paint_shade(p, p->hand.leaf, chance_in(p, 0.2, 0.6), depth), 0.95);
    }
}

void land_ridge(Painting *p, double base, double height, double wave, int octaves, Rgb of,
                double depth) {
    uint64_t seed = chance_mix(p->scene->seed, (uint64_t)(base * 7 + height));
    path_ridge(p, seed, base, height, wave, octaves, p->hand.rough);
    Rgb top = paint_shade(p, of, 0.75, depth);
    if (p->scene->style == PAINT_ILLUSTRATION) {
        paint_rgb(p, top, 1);
    } else { /* mist lies in the valley before it */
        Rgb foot = rgb_mix(paint_shade(p, of, 0.35, depth), p->light.haze, 0.1 + 0.45 * depth);
        cairo_pattern_t *g =
            cairo_pattern_create_linear(0, base - height, 0, base + 60 + 60 * (1 - depth));
        cairo_pattern_add_color_stop_rgb(g, 0, top.r, top.g, top.b);
        cairo_pattern_add_color_stop_rgb(g, 1, foot.r, foot.g, foot.b);
        cairo_set_source(p->cr, g);
        cairo_pattern_destroy(g);
    }
    cairo_fill_preserve(p->cr);
    paint_contour(p, depth);
    cairo_save(p->cr);
    cairo_clip(p->cr);
    if (depth < 0.4 && p->scene->place != PLACE_DESERT)
        tufts(p, base - height, base + 110, of, depth);
    cairo_restore(p->cr);
    cairo_new_path(p->cr);
}

/* One peak after the other along the range: a lit face, a face in the shade, snow above a line. */
typedef struct Peak {
    double x, top, left, right;
} Peak;

static void peak_side(Painting *p, const Peak *k, double foot, uint64_t seed, uint64_t middle,
                      bool right, double from, double to) {
    /* from..to: shares of the height at which the face begins and ends; the ridge runs zigzag. */
    double side = right ? k->right : -k->left, h = foot - k->top;
    cairo_move_to(p->cr, k->x, k->top + h * from);
    for (int i = 0; i <= 14; i++) {
        double t = from + (to - from) * i / 14.0, n = noise_at(seed, t * 9, 3, 0.55);
        cairo_line_to(p->cr, k->x + side * t * (1 + 0.1 * n) + n * 5, k->top + h * t);
    }
    for (int i = 12; i >= 0; i--) {
        double t = from + (to - from) * i / 12.0, n = noise_at(middle, t * 7, 3, 0.6);
        cairo_line_to(p->cr, k->x + (k->right - k->left) * 0.05 * t + n * h * 0.1 * t,
                      k->top + h * t);
    }
    cairo_close_path(p->cr);
}

static void peak_snow(Painting *p, const Peak *k, double foot, uint64_t seed, double line,
                      double depth, bool lit_right) {
    double h = foot - k->top;
    for (int right = 0; right < 2; right++) {
        double side = right ? k->right : -k->left, end = line * 0.9;
        cairo_move_to(p->cr, k->x, k->top - 1);
        for (int i = 0; i <= 8; i++) {
            double t = end * i / 8, n = noise_at(seed + (right ? 5 : 0), t * 9, 3, 0.55);
            cairo_line_to(p->cr, k->x + side * t * (1 + 0.1 * n) + n * 5, k->top + h * t - 1);
        }
        for (int i = 1; i <= 7; i++) { /* its lower edge, in tongues */
            double t = 1 - i / 7.0, n = noise_at(seed + 31 + (uint64_t)right, i * 1.7, 2, 0.6);
            double y = end * (0.72 + 0.3 * (i % 2) + 0.25 * n);
            cairo_line_to(p->cr, k->x + side * end * t * 0.9, k->top + h * y);
        }
        cairo_close_path(p->cr);
        paint_plain(
            p, paint_shade(p, RGB(0xf7f9ff), (right == 1) == lit_right ? 1 : 0.15, depth * 0.75),
            1);
    }
}

void land_mountains(Painting *p, double base, double height, double depth) {
    uint64_t seed = chance_mix(p->scene->seed, (uint64_t)(base + depth * 1000));
    bool lit_right = p->light.sun_x > 0.5;
    double line = white(p) ? 0.7 : depth > 0.5 ? 0.34 : 0.26;
    int count = 4 + (int)(chance_mix(seed, 1) % 3);
    Rgb rock = white(p) ? rgb_mix(p->hand.rock, RGB(0xffffff), 0.25) : p->hand.rock;
    for (int pass = 0; pass < count; pass++) {
        int i = (pass * 3 + (int)(seed % 3)) % count; /* the neighbours overlap in no order */
        double t = (i + 0.5) / count, n = 0.5 + 0.5 * noise_at(seed, i * 3.7, 2, 0.5);
        double h = height * (0.5 + 0.55 * n) * (1 - 0.35 * fabs(t - 0.5));
        Peak k = {PAINT_W * (t * 1.2 - 0.1) + 60 * n, base - h, h * (0.9 + 0.5 * n),
                  h * (1.35 - 0.4 * n)};
        uint64_t own = chance_mix(seed, 100 + (uint64_t)i);
        peak_side(p, &k, base + 30, own, own + 9, false, 0, 1.02);
        paint_fill_lit(p, rock, lit_right ? 0.12 : 0.95, depth);
        peak_side(p, &k, base + 30, own + 5, own + 9, true, 0, 1.02);
        paint_fill_lit(p, rock, lit_right ? 0.95 : 0.12, depth);
        if (h > height * 0.5 && p->scene->place != PLACE_DESERT)
            peak_snow(p, &k, base + 30, own, line, depth, lit_right);
    }
    if (p->scene->style != PAINT_ILLUSTRATION) {
        path_box(p, 0, base - height * 0.5, PAINT_W, height * 0.5 + 50);
        paint_down(p, base - height * 0.5, base + 40, p->light.haze, 0, p->light.haze,
                   0.3 + 0.45 * depth);
    }
}

void land_ground(Painting *p, double top, double sway, Rgb of, double depth, double depth_near) {
    uint64_t seed = chance_mix(p->scene->seed, 70 + (uint64_t)top);
    cairo_move_to(p->cr, -30, PAINT_H + 30);
    for (double x = -30; x <= PAINT_W + 38; x += 8)
        cairo_line_to(p->cr, x, top - sway * noise_at(seed, x / 500, 2, 0.4));
    cairo_line_to(p->cr, PAINT_W + 38, PAINT_H + 30);
    cairo_close_path(p->cr);
    Rgb far = paint_shade(p, of, 0.85, depth), near = paint_shade(p, of, 0.3, depth_near);
    if (p->scene->style == PAINT_ILLUSTRATION) near = paint_shade(p, of, 0.6, depth_near);
    cairo_pattern_t *g = cairo_pattern_create_linear(0, top - sway, 0, PAINT_H);
    cairo_pattern_add_color_stop_rgb(g, 0, far.r, far.g, far.b);
    cairo_pattern_add_color_stop_rgb(g, 1, near.r, near.g, near.b);
    cairo_set_source(p->cr, g);
    cairo_pattern_destroy(g);
    cairo_fill_preserve(p->cr);
    paint_contour(p, depth);
    cairo_new_path(p->cr);
    cairo_save(p->cr); /* shades of clouds, and tufts that grow larger towards us */
    cairo_rectangle(p->cr, 0, top - sway, PAINT_W, PAINT_H);
    cairo_clip(p->cr);
    for (int i = 0; i < 5; i++) {
        cairo_save(p->cr);
        cairo_translate(p->cr, chance_in(p, 0, PAINT_W), top + (PAINT_H - top) * (0.2 + 0.18 * i));
        cairo_scale(p->cr, 1, 0.1);
        paint_spot(p, 0, 0, chance_in(p, 260, 480), paint_shade(p, of, i % 2 ? 1 : 0, 0.1), 0.3);
        cairo_restore(p->cr);
    }
    for (int pass = 0; pass < 3; pass++) {
        for (int i = 0; i < 90; i++) {
            double t = chance(p), y = top + sway + (PAINT_H - top) * t * t * 0.98 + 4,
                   w = 5 + 26 * t * t;
            path_oval(p, chance_in(p, 0, PAINT_W), y, w * chance_in(p, 0.5, 1.2), 0.8 + 2.2 * t);
        }
        paint_plain(p, paint_shade(p, of, 0.1 + 0.45 * pass, depth * 0.5), 0.28);
    }
    cairo_restore(p->cr);
}

/* Fields: strips that run together in the distance, each of another green or gold. */
void land_fields(Painting *p, double top, double bottom, double depth) {
    double vx = PAINT_W * chance_in(p, 0.3, 0.7);
    bool cold = white(p);
    const Rgb kinds[] = {p->hand.field, land_green(p), rgb_mix(p->hand.field, p->hand.earth, 0.5),
                         rgb_mix(land_green(p), p->hand.leaf, 0.5), p->hand.grass};
    for (int row = 0; row < 3; row++) {
        double y0 = top + (bottom - top) * row * row / 9.0,
               y1 = top + (bottom - top) * (row + 1) * (row + 1) / 9.0 + 2;
        double at = -0.4 * PAINT_W - chance_in(p, 0, 200);
        while (at < PAINT_W * 1.4) {
            double w = chance_in(p, 120, 330) * (0.6 + 0.35 * row), lean0 = 0.75 + 0.08 * row,
                   lean1 = lean0 + 0.09;
            const double strip[] = {vx + (at - vx) * lean0,     y0, vx + (at + w - vx) * lean0, y0,
                                    vx + (at + w - vx) * lean1, y1, vx + (at - vx) * lean1,     y1};
            Rgb of = kinds[chance_of(p, COUNT(kinds))];
            path_poly(p, strip, 4);
            paint_plain(p,
                        paint_shade(p, cold ? rgb_mix(of, RGB(0xffffff), 0.85) : of, 0.7,
                                    depth * (1 - 0.2 * row)),
                        0.55);
            for (int k = 1; k < 7; k++) { /* furrows */
                double x = at + w * k / 7;
                path_line(p, vx + (x - vx) * lean0, y0, vx + (x - vx) * lean1, y1);
            }
            cairo_set_line_width(p->cr, 1);
            paint_rgb(p, paint_shade(p, rgb_scale(of, 0.7), 0.4, depth), cold ? 0.12 : 0.3);
            cairo_stroke(p->cr);
            at += w;
        }
    }
}

void land_road(Painting *p, double x_far, double y_far, double x_near, double half_near, Rgb of) {
    double bottom = PAINT_H + 20, h = bottom - y_far,
           bend = (x_near - x_far) * 0.9 + chance_in(p, -120, 120);
    cairo_move_to(p->cr, x_far - 3, y_far);
    cairo_curve_to(p->cr, x_far - 12 + bend * 0.5, y_far + h * 0.25,
                   x_near - half_near * 0.5 - bend * 0.4, y_far + h * 0.5, x_near - half_near,
                   bottom);
    cairo_line_to(p->cr, x_near + half_near, bottom);
    cairo_curve_to(p->cr, x_near + half_near * 0.4 - bend * 0.3, y_far + h * 0.5,
                   x_far + 14 + bend * 0.5, y_far + h * 0.25, x_far + 3, y_far);
    cairo_close_path(p->cr);
    Rgb far = paint_shade(p, of, 0.8, 0.45), near = paint_shade(p, of, 0.5, 0);
    cairo_pattern_t *g = cairo_pattern_create_linear(0, y_far, 0, bottom);
    cairo_pattern_add_color_stop_rgb(g, 0, far.r, far.g, far.b);
    cairo_pattern_add_color_stop_rgb(g, 1, near.r, near.g, near.b);
    cairo_set_source(p->cr, g);
    cairo_pattern_destroy(g);
    cairo_fill_preserve(p->cr);
    paint_contour(p, 0.3);
    cairo_new_path(p->cr);
}

void land_grass(Painting *p, double top, double bottom, int count, double height, Rgb of) {
    double lean = p->scene->weather == WEATHER_WIND ? 0.9 : 0.25;
    for (int pass = 0; pass < 4; pass++) {
        for (int i = 0; i < count / 4; i++) {
            double t = (pass + chance(p)) / 4, y = top + (bottom - top) * t,
                   x = chance_in(p, -10, PAINT_W + 10);
            double h = height * (0.35 + 0.65 * t) * chance_in(p, 0.6, 1.2),
                   d = h * chance_in(p, -0.3, lean);
            cairo_move_to(p->cr, x - 1.6 * t - 0.6, y);
            cairo_curve_to(p->cr, x, y - h * 0.5, x + d * 0.4, y - h * 0.8, x + d, y - h);
            cairo_curve_to(p->cr, x + d * 0.5, y - h * 0.7, x + 2, y - h * 0.4, x + 1.6 * t + 0.8,
                           y);
        }
        paint_plain(p, paint_shade(p, of, 0.25 + 0.2 * pass, 0.25 - 0.06 * pass), 0.9);
    }
}

void land_flowers(Painting *p, double x0, double x1, double y0, double y1, int count, double size) {
    const Rgb colours[] = {p->hand.accent, RGB(0xf7f2e6), p->hand.accent2, RGB(0xf2c14e),
                           RGB(0xe79ab0)};
    for (int i = 0; i < count; i++) {
        double t = (i + chance(p)) / count, y = y0 + (y1 - y0) * t, x = chance_in(p, x0, x1),
               r = size * (0.45 + 0.55 * t);
        double h = r * chance_in(p, 3, 6);
        Rgb of = colours[chance_of(p, COUNT(colours))];
        cairo_move_to(p->cr, x, y);
        cairo_curve_to(p->cr, x + r * 0.3, y - h * 0.5, x, y - h * 0.7, x + r * 0.2, y - h);
        cairo_set_line_width(p->cr, r * 0.28);
        paint_rgb(p, paint_shade(p, p->hand.leaf, 0.5, 0.3 * (1 - t)), 1);
        cairo_stroke(p->cr);
        for (int k = 0; k < 5; k++) {
            double a = k * M_PI * 0.4 + i;
            path_oval(p, x + r * 0.2 + cos(a) * r * 0.55, y - h + sin(a) * r * 0.45, r * 0.45,
                      r * 0.4);
        }
        paint_plain(p, paint_shade(p, of, 0.8, 0.25 * (1 - t)), 1);
        path_oval(p, x + r * 0.2, y - h, r * 0.26, r * 0.24);
        paint_plain(p, paint_shade(p, RGB(0xf6d365), 0.9, 0.2 * (1 - t)), 1);
    }
}

static uint32_t pixel_mix(uint32_t a, uint32_t b, int t256) {
    uint32_t rb =
        (((a & 0xff00ff) * (uint32_t)(256 - t256) + (b & 0xff00ff) * (uint32_t)t256) >> 8) &
        0xff00ff;
    uint32_t g =
        (((a & 0x00ff00) * (uint32_t)(256 - t256) + (b & 0x00ff00) * (uint32_t)t256) >> 8) &
        0x00ff00;
    return 0xff000000u | rb | g;
}

static uint32_t pixel_of(Rgb c) {
    double v[3] = {c.r, c.g, c.b};
    uint32_t out = 0xff;
    for (int i = 0; i < 3; i++) out = out << 8 | (uint32_t)(fmin(fmax(v[i], 0), 1) * 255 + 0.5);
    return out;
}

/* What is above the line, upside down, squeezed and shaken more and more; `mirror`: how much of it. */
static void reflect(Painting *p, int top, int bottom, double mirror) {
    cairo_surface_flush(p->surface);
    uint32_t *pixels = (uint32_t *)(void *)cairo_image_surface_get_data(p->surface);
    Rgb shallow = rgb_mix(p->light.low, p->light.mid, 0.5),
        deep = rgb_mix(p->light.mid, p->light.top, 0.75);
    deep = rgb_mix(deep, rgb_times(RGB(0x3f7f96), rgb_mix(p->light.air, p->light.sun, 0.4)), 0.4);
    for (int y = top; y < bottom && y < PAINT_H; y++) {
        double t = (double)(y - top) / (bottom - top), from = top - 1 - (y - top) * 0.9;
        double sway = (1.5 + 13 * t) * noise_at(p->scene->seed + 3, y / (2.5 + 9 * t), 2, 0.5);
        int source = from < 0 ? 0 : (int)from;
        uint32_t tint = pixel_of(rgb_mix(shallow, deep, 0.2 + 0.8 * t));
        int keep = (int)(256 * (1 - mirror * (1 - 0.6 * t)));
        const uint32_t *row = pixels + (ptrdiff_t)source * PAINT_W;
        for (int x = 0; x < PAINT_W; x++) {
            int sx = x + (int)sway;
            sx = sx < 0 ? -sx : sx >= PAINT_W ? 2 * PAINT_W - 2 - sx : sx;
            pixels[(ptrdiff_t)y * PAINT_W + x] = pixel_mix(row[sx], tint, keep);
        }
    }
    cairo_surface_mark_dirty(p->surface);
}

static void ripples(Painting *p, double top, double bottom) {
    Rgb bright = rgb_mix(p->light.low, RGB(0xffffff), 0.35 * p->light.bright),
        dark = rgb_scale(p->light.top, 0.7);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 150; i++) {
            double t = chance(p), y = top + (bottom - top) * t * t,
                   w = (8 + 90 * t * t) * chance_in(p, 0.4, 1.2);
            double x = chance_in(p, -20, PAINT_W), h = 0.5 + 1.9 * t;
            cairo_move_to(p->cr, x, y);
            cairo_curve_to(p->cr, x + w * 0.3, y - h, x + w * 0.7, y - h, x + w, y);
            cairo_curve_to(p->cr, x + w * 0.7, y + h * 0.6, x + w * 0.3, y + h * 0.6, x, y);
        }
        paint_plain(p, pass ? bright : dark, pass ? 0.34 : 0.2);
    }
}

void water_glitter(Painting *p, double top, double bottom) {
    double x = p->light.sun_x * PAINT_W;
    const Scene *s = p->scene;
    if (s->weather == WEATHER_RAIN || s->weather == WEATHER_STORM || s->weather == WEATHER_FOG ||
        s->weather == WEATHER_SNOW)
        return;
    Rgb spark = rgb_mix(p->light.sun, RGB(0xffffff), s->hour == HOUR_NIGHT ? 0.35 : 0.5);
    double strong = s->hour == HOUR_NIGHT ? 0.65 : 0.8;
    for (int i = 0; i < 210; i++) {
        double t = pow(chance(p), 1.25), y = top + 2 + (bottom - top) * t, spread = 16 + 105 * t;
        double off = (chance(p) + chance(p) + chance(p) - 1.5) * spread,
               w = (4 + 34 * t) * chance_in(p, 0.4, 1.1);
        path_oval(p, x + off, y, w / 2, 0.7 + 1.7 * t);
    }
    paint_plain(p, spark, strong);
    if (s->style != PAINT_ILLUSTRATION) paint_glow(p, x, top, 260, p->light.sun, 0.3);
}

void water_paint(Painting *p, double top, double bottom, double mirror) {
    reflect(p, (int)top, (int)bottom, mirror);
    ripples(p, top, bottom);
    water_glitter(p, top, bottom);
    path_box(p, 0, top - 1.5, PAINT_W, 3);
    paint_plain(p, rgb_mix(p->light.low, RGB(0xffffff), 0.3), 0.35);
}
