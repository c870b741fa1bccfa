/* SPDX-License-Identifier: Apache-2.0
 * The sky of a drawing: its light, sun, moon, stars and clouds; birds; and the weather, which falls between
 * the picture and who looks at it. */
#include <math.h>

#include "products/lifetales/drawing_paint.h"

static void gradient(Painting *p) {
    const Light *l = &p->light;
    cairo_pattern_t *g = cairo_pattern_create_linear(0, -20, 0, p->horizon + 40);
    cairo_pattern_add_color_stop_rgb(g, 0, l->top.r, l->top.g, l->top.b);
    cairo_pattern_add_color_stop_rgb(g, 0.6, l->mid.r, l->mid.g, l->mid.b);
    cairo_pattern_add_color_stop_rgb(g, 1, l->low.r, l->low.g, l->low.b);
    cairo_set_source(p->cr, g);
    cairo_pattern_destroy(g);
    cairo_paint(p->cr);
    if (p->scene->style != PAINT_ILLUSTRATION) return;
    /* Flat colour, laid on in a few washes. */
    for (int i = 1; i <= 5; i++) {
        double y = p->horizon * (0.12 + 0.17 * i);
        path_ridge(p, chance_mix(p->scene->seed, 30 + (uint64_t)i), y, 30, 420, 2, 0.5);
        Rgb wash =
            i < 4 ? rgb_mix(l->top, l->mid, i / 3.5) : rgb_mix(l->mid, l->low, (i - 3) / 2.0);
        paint_plain(p, wash, 0.42);
    }
}

static void stars(Painting *p) {
    int count = p->scene->has[THING_STARS] ? 420 : 190;
    for (int i = 0; i < count; i++) {
        double x = chance_in(p, 0, PAINT_W), y = p->horizon * pow(chance(p), 1.3),
               r = chance_in(p, 0.5, 1.5);
        if (i % 23 == 0) {
            paint_glow(p, x, y, 11, RGB(0xcfdcff), 0.6);
            r = 2;
        }
        path_oval(p, x, y, r, r);
        paint_plain(p, i % 5 ? RGB(0xf2f5ff) : RGB(0xffe9c4),
                    chance_in(p, 0.45, 0.98) * (1 - 0.6 * y / p->horizon));
    }
    if (!p->scene->has[THING_STARS]) return;
    /* The milky way. */
    for (int i = 0; i < 46; i++) {
        double t = chance(p), x = PAINT_W * (0.1 + 0.8 * t), y = p->horizon * (0.85 - 0.8 * t);
        paint_glow(p, x + chance_in(p, -60, 60), y + chance_in(p, -45, 45), chance_in(p, 40, 110),
                   RGB(0x8a9ae0), 0.06);
    }
}

static void moon(Painting *p, double x, double y, double r) {
    Rgb face = RGB(0xf6f1dc);
    paint_glow(p, x, y, r * 7, RGB(0x8fa6e6), 0.38);
    paint_glow(p, x, y, r * 2.6, RGB(0xdfe6ff), 0.45);
    if (chance_mix(p->scene->seed, 41) % 3) {
        path_oval(p, x, y, r, r);
        paint_plain(p, face, 1);
        static const double seas[][3] = {
            {-0.3, -0.25, 0.26}, {0.25, 0.1, 0.2}, {-0.1, 0.4, 0.17}, {0.4, -0.4, 0.12}};
        for (int i = 0; i < COUNT(seas); i++) {
            path_oval(p, x + seas[i][0] * r, y + seas[i][1] * r, seas[i][2] * r,
                      seas[i][2] * r * 0.9);
            paint_plain(p, RGB(0xcfc9b8), 0.45);
        }
        return;
    }
    path_text(p,
              "M 0.25 -0.97 C -0.5 -1.16 -1.14 -0.5 -1 0.2 C -0.86 0.9 -0.1 1.2 0.55 0.83 C -0.2 "
              "0.9 -0.62 0.4 -0.6 -0.1 C -0.58 -0.56 "
              "-0.2 -0.9 0.25 -0.97 Z",
              x, y, r, 1); /* a crescent */
    paint_plain(p, face, 1);
}

static void sun(Painting *p, double x, double y) {
    bool low =
        p->scene->hour == HOUR_DUSK || p->scene->hour == HOUR_DAWN || p->scene->hour == HOUR_GOLDEN;
    double r = low ? 46 : 34;
    if (p->scene->style == PAINT_CINEMATIC) r *= low ? 1.25 : 1;
    paint_glow(p, x, y, low ? 620 : 430, p->light.sun, low ? 0.5 : 0.34);
    paint_glow(p, x, y, r * 3.4, RGB(0xfff1cf), 0.55);
    path_oval(p, x, y, r, r);
    paint_plain(p, low ? rgb_mix(p->light.low, RGB(0xfff6dd), 0.6) : RGB(0xfffbea), 1);
    if (p->scene->style != PAINT_ILLUSTRATION || low) return;
    for (int i = 0; i < 18; i++) { /* rays, drawn by hand */
        double a = i * M_PI / 9, from = r + 12, to = r + (i % 2 ? 24 : 34);
        cairo_move_to(p->cr, x + cos(a) * from, y + sin(a) * from);
        cairo_line_to(p->cr, x + cos(a) * to, y + sin(a) * to);
    }
    cairo_set_line_width(p->cr, 3);
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
    paint_rgb(p, RGB(0xfff6d6), 0.85);
    cairo_stroke(p->cr);
}

/* A heap: round above, flat below, its belly in shade. */
static void cloud_flat(Painting *p, double x, double y, double w, Rgb bright, Rgb shade) {
    double r[7];
    int puffs = 4 + (int)chance_of(p, 3);
    for (int i = 0; i < puffs; i++) {
        double t = (i + 0.5) / puffs;
        r[i] = w * (0.13 + 0.13 * sin(t * M_PI)) * chance_in(p, 0.8, 1.15);
    }
    cairo_save(p->cr);
    cairo_rectangle(p->cr, x - w, y - w, 2 * w, w);
    cairo_clip(p->cr);
    for (int pass = 0; pass < 2; pass++) {
        double down = pass ? -w * 0.035 : 0;
        for (int i = 0; i < puffs; i++) {
            double cx = x + w * ((i + 0.5) / puffs - 0.5) * 0.86;
            path_oval(p, cx, y - r[i] * 0.45 + down, r[i], r[i] * 0.86);
        }
        path_round_box(p, x - w * 0.5, y - w * 0.09 + down, w, w * 0.1, w * 0.048);
        cairo_set_fill_rule(p->cr, CAIRO_FILL_RULE_WINDING);
        paint_plain(p, pass ? bright : shade, pass ? 0.96 : 0.9);
    }
    cairo_restore(p->cr);
}

static void cloud_soft(Painting *p, double x, double y, double w, Rgb bright, Rgb shade) {
    double side = p->light.sun_x * PAINT_W < x ? -1 : 1, peak = chance_in(p, -0.2, 0.2);
    for (int i = 0; i < 40;
         i++) { /* heaps up to a peak, bright on top, in the shade below, flat at the base */
        double t = chance_in(p, -0.5, 0.5), rise = fmax(0, 1 - fabs(t - peak) * 1.9),
               up = chance(p);
        double r = w * (0.05 + 0.075 * chance(p)) * (0.7 + 0.6 * rise);
        Rgb of = rgb_mix(shade, bright, fmin(1, 0.25 + up * 0.9 + side * t * 0.5));
        cairo_save(p->cr);
        cairo_translate(p->cr, x + t * w, y - up * rise * w * 0.2);
        cairo_scale(p->cr, 1.5, 0.8);
        paint_spot(p, 0, 0, r * 1.25, of, 0.5);
        cairo_restore(p->cr);
    }
}

static void streaks(Painting *p, int count, Rgb colour, double alpha) {
    for (int i = 0; i < count; i++) {
        double y = p->horizon * chance_in(p, 0.12, 0.9), x = chance_in(p, -100, PAINT_W),
               w = chance_in(p, 180, 560);
        cairo_save(p->cr);
        cairo_translate(p->cr, x + w / 2, y);
        cairo_scale(p->cr, 1, 0.035 + 0.02 * chance(p));
        if (p->scene->style == PAINT_ILLUSTRATION) {
            path_oval(p, 0, 0, w / 2, w / 2);
            paint_plain(p, colour, alpha * 0.8);
        } else {
            paint_spot(p, 0, 0, w / 2, colour, alpha);
        }
        cairo_restore(p->cr);
    }
}

static void ceiling(Painting *p, double dark) {
    Rgb base = rgb_mix(p->light.top, p->light.mid, 0.5);
    for (int i = 0; i < 34; i++) {
        double y = p->horizon * chance_in(p, -0.1, 0.62),
               w = chance_in(p, 150, 330) * (1.1 - y / p->horizon * 0.6);
        double x = chance_in(p, -80, PAINT_W + 80);
        cairo_save(p->cr);
        cairo_translate(p->cr, x, y);
        cairo_scale(p->cr, 1, 0.4);
        paint_spot(p, 0, 14, w, rgb_scale(base, 1 - dark), 0.5);
        paint_spot(p, 0, -w * 0.2, w * 0.8, rgb_mix(base, p->light.low, 0.35), 0.32);
        cairo_restore(p->cr);
    }
}

static void clouds(Painting *p) {
    const Scene *s = p->scene;
    bool low_sun = s->hour == HOUR_DUSK || s->hour == HOUR_DAWN || s->hour == HOUR_GOLDEN;
    Rgb bright = rgb_mix(p->light.low, s->hour == HOUR_NIGHT ? p->light.mid : RGB(0xffffff),
                         low_sun ? 0.25 : 0.72);
    Rgb shade = rgb_mix(p->light.mid,
                        low_sun ? rgb_mix(p->light.low, p->light.top, 0.45) : p->light.air, 0.45);
    if (s->weather == WEATHER_RAIN || s->weather == WEATHER_STORM || s->weather == WEATHER_SNOW) {
        ceiling(p, s->weather == WEATHER_STORM ? 0.42 : s->weather == WEATHER_RAIN ? 0.2 : 0.06);
        return;
    }
    if (s->weather == WEATHER_FOG) return;
    streaks(p, low_sun ? 9 : 4, low_sun ? p->light.low : bright, low_sun ? 0.55 : 0.32);
    int count = s->weather == WEATHER_CLOUDS ? 8
                : s->weather == WEATHER_WIND ? 6
                : s->hour == HOUR_NIGHT      ? 2
                                             : 3;
    for (int i = 0; i < count; i++) {
        double t = (i + 0.5) / count, y = p->horizon * (0.16 + 0.62 * t) + chance_in(p, -20, 20);
        double w = chance_in(p, 200, 400) * (1.15 - 0.75 * t), x = chance_in(p, 0, PAINT_W);
        if (s->style == PAINT_ILLUSTRATION)
            cloud_flat(p, x, y, w, bright, shade);
        else
            cloud_soft(p, x, y, w * 1.2, bright, shade);
    }
}

void sky_birds(Painting *p, double y0, double y1, int count) {
    double x = chance_in(p, 0.25, 0.7) * PAINT_W, y = chance_in(p, y0, y1);
    for (int i = 0; i < count; i++) {
        double s = chance_in(p, 7, 15), lift = chance_in(p, 0.25, 0.6);
        double bx = x + chance_in(p, -150, 150), by = y + chance_in(p, -50, 50);
        cairo_move_to(p->cr, bx - s, by - s * lift);
        cairo_curve_to(p->cr, bx - s * 0.5, by - s * 0.5, bx - s * 0.2, by - s * 0.2, bx, by);
        cairo_curve_to(p->cr, bx + s * 0.2, by - s * 0.25, bx + s * 0.6, by - s * 0.6, bx + s,
                       by - s * lift * 1.1);
    }
    cairo_set_line_width(p->cr, 2.2);
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
    paint_rgb(p, paint_shade(p, RGB(0x3a3a44), 0.3, 0.25), 0.9);
    cairo_stroke(p->cr);
}

void sky_paint(Painting *p) {
    const Scene *s = p->scene;
    double x = p->light.sun_x * PAINT_W, y = p->light.sun_y * PAINT_H;
    bool covered =
        s->weather == WEATHER_RAIN || s->weather == WEATHER_STORM || s->weather == WEATHER_SNOW;
    if (y > p->horizon - 30) y = p->horizon - 30;
    gradient(p);
    if (s->hour == HOUR_NIGHT && !covered && s->weather != WEATHER_FOG) stars(p);
    if (s->hour == HOUR_NIGHT && (!covered || s->has[THING_MOON])) moon(p, x, y, 36);
    if (s->hour != HOUR_NIGHT && !covered) sun(p, x, y);
    if (s->hour != HOUR_NIGHT && s->has[THING_MOON])
        moon(p, (1 - p->light.sun_x) * PAINT_W, PAINT_H * 0.14, 24);
    if (covered && s->hour != HOUR_NIGHT)
        paint_glow(p, x, p->horizon * 0.8, 380, p->light.low, 0.25);
    clouds(p);
    if (s->has[THING_RAINBOW]) thing_rainbow(p);
    if (s->weather == WEATHER_STORM) { /* one bolt, and the light around it */
        double bx = chance_in(p, 0.2, 0.8) * PAINT_W, by = 40;
        paint_glow(p, bx, p->horizon * 0.5, 330, RGB(0xcdd4ff), 0.4);
        cairo_move_to(p->cr, bx, by);
        while (by < p->horizon) {
            by += chance_in(p, 18, 44);
            cairo_line_to(p->cr, bx += chance_in(p, -30, 28), by);
        }
        cairo_set_line_width(p->cr, 3);
        paint_rgb(p, RGB(0xf6f4ff), 0.95);
        cairo_stroke(p->cr);
    }
}

static void rain(Painting *p, bool storm) {
    double lean = storm ? 0.42 : 0.16;
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
    for (int pass = 0; pass < 3; pass++) {
        int count = storm ? 170 : 120;
        for (int i = 0; i < count; i++) {
            double x = chance_in(p, -100, PAINT_W + 200), y = chance_in(p, -40, PAINT_H),
                   len = 14 + 15 * pass;
            cairo_move_to(p->cr, x, y);
            cairo_line_to(p->cr, x - len * lean, y + len);
        }
        cairo_set_line_width(p->cr, 0.9 + 0.6 * pass);
        paint_rgb(p, rgb_mix(p->light.low, RGB(0xffffff), 0.5), 0.16 + 0.09 * pass);
        cairo_stroke(p->cr);
    }
}

static void snow(Painting *p) {
    for (int i = 0; i < 520; i++) {
        double near = chance(p), r = 1.1 + 4.2 * near * near * near;
        double x = chance_in(p, 0, PAINT_W), y = chance_in(p, 0, PAINT_H);
        if (r > 3.6 && p->scene->style != PAINT_ILLUSTRATION) {
            paint_spot(p, x, y, r * 2.2, RGB(0xffffff), 0.7);
            continue;
        }
        path_oval(p, x, y, r, r);
        paint_plain(p, rgb_mix(RGB(0xffffff), p->light.air, 0.12), 0.82);
    }
}

static void fog(Painting *p) {
    for (int i = 0; i < 9; i++) {
        double y = PAINT_H * chance_in(p, 0.35, 0.95), x = chance_in(p, 0, PAINT_W);
        cairo_save(p->cr);
        cairo_translate(p->cr, x, y);
        cairo_scale(p->cr, 1, 0.16);
        paint_spot(p, 0, 0, chance_in(p, 350, 650), p->light.haze, 0.42);
        cairo_restore(p->cr);
    }
}

/* Gusts, and what they carry. */
static void wind(Painting *p) {
    for (int i = 0; i < 9; i++) {
        double x = chance_in(p, -50, PAINT_W * 0.8), y = chance_in(p, 0.1, 0.85) * PAINT_H,
               w = chance_in(p, 150, 360);
        cairo_move_to(p->cr, x, y);
        cairo_curve_to(p->cr, x + w * 0.4, y - 16, x + w * 0.6, y + 14, x + w, y - 6);
    }
    cairo_set_line_width(p->cr, 1.8);
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
    paint_rgb(p, rgb_mix(p->light.low, RGB(0xffffff), 0.5), 0.4);
    cairo_stroke(p->cr);
    for (int i = 0; i < 34; i++) {
        double x = chance_in(p, 0, PAINT_W), y = chance_in(p, 0.2, 0.95) * PAINT_H,
               a = chance_in(p, 0, 3);
        cairo_save(p->cr);
        cairo_translate(p->cr, x, y);
        cairo_rotate(p->cr, a);
        path_oval(p, 0, 0, chance_in(p, 4, 8), 2.6);
        cairo_restore(p->cr);
        paint_plain(p, paint_shade(p, i % 2 ? p->hand.leaf2 : p->hand.accent, 0.7, 0.1), 0.9);
    }
}

void weather_paint(Painting *p) {
    switch (p->scene->weather) {
    case WEATHER_RAIN: rain(p, false); break;
    case WEATHER_STORM: rain(p, true); break;
    case WEATHER_SNOW: snow(p); break;
    case WEATHER_FOG: fog(p); break;
    case WEATHER_WIND: wind(p); break;
    default: break;
    }
}
