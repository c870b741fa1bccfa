/* SPDX-License-Identifier: Apache-2.0
 * Trees of a drawing, each made of its trunk and of leaves in three tones, by the season: green, in
 * blossom, turning, bare, under snow. */
#include <math.h>

#include "products/lifetales/drawing_paint.h"

static bool snowy(const Painting *p) {
    return p->scene->weather == WEATHER_SNOW ||
           (p->scene->season == SEASON_WINTER && p->scene->weather != WEATHER_RAIN);
}

static Rgb leaves(Painting *p) {
    static const Rgb turning[] = {
        {0.78, 0.42, 0.15}, {0.86, 0.6, 0.2}, {0.66, 0.28, 0.16}, {0.72, 0.55, 0.22}};
    if (p->scene->season == SEASON_AUTUMN) return turning[chance_of(p, COUNT(turning))];
    if (p->scene->season == SEASON_SPRING && chance(p) < 0.45)
        return rgb_mix(RGB(0xf4c6d2), p->hand.accent, 0.12);
    return rgb_mix(p->hand.leaf, p->hand.leaf2, chance(p));
}

static void bough(Painting *p, double x, double y, double len, double angle, double width,
                  int left) {
    double ex = x + cos(angle) * len, ey = y + sin(angle) * len;
    cairo_move_to(p->cr, x, y);
    cairo_curve_to(p->cr, x + cos(angle + 0.2) * len * 0.4, y + sin(angle + 0.2) * len * 0.4,
                   x + cos(angle - 0.1) * len * 0.7, y + sin(angle - 0.1) * len * 0.7, ex, ey);
    cairo_set_line_width(p->cr, width);
    cairo_stroke(p->cr);
    if (left == 0) return;
    int count = left > 2 ? 3 : 2;
    for (int i = 0; i < count; i++) {
        double turn = (i - (count - 1) / 2.0) * 0.62 + chance_in(p, -0.22, 0.22);
        bough(p, ex, ey, len * chance_in(p, 0.6, 0.78), angle + turn, width * 0.62, left - 1);
    }
}

static void bare(Painting *p, double x, double foot, double h, double depth) {
    paint_rgb(p, paint_shade(p, RGB(0x5c4a42), 0.35, depth), 1);
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
    bough(p, x, foot, h * 0.32, -M_PI / 2 + chance_in(p, -0.06, 0.06), h * 0.045, h > 120 ? 5 : 3);
}

static void trunk(Painting *p, double x, double foot, double h, double depth) {
    double w = h * 0.035, top = foot - h * 0.55;
    cairo_move_to(p->cr, x - w * 1.5, foot);
    cairo_curve_to(p->cr, x - w * 0.6, foot - h * 0.1, x - w * 0.7, foot - h * 0.3, x - w * 0.5,
                   top);
    cairo_line_to(p->cr, x + w * 0.5, top);
    cairo_curve_to(p->cr, x + w * 0.7, foot - h * 0.3, x + w * 0.6, foot - h * 0.1, x + w * 1.5,
                   foot);
    cairo_close_path(p->cr);
    paint_fill(p, RGB(0x6b5343), depth);
}

/* The crown: one round mass of overlapping heaps, darker below, brighter towards the light. */
static void crown(Painting *p, double x, double y, double rx, double ry, Rgb of, double depth) {
    double side = p->light.sun_x * PAINT_W > x ? 1 : -1, at[9][3];
    int heaps = rx > 22 ? 9 : 5;
    for (int i = 0; i < heaps; i++) {
        double a = i * 2.4 + chance_in(p, -0.3, 0.3),
               far = i == 0 ? 0 : 0.58 * sqrt(i / (double)heaps) + 0.1;
        at[i][0] = x + cos(a) * rx * far;
        at[i][1] = y + sin(a) * ry * far;
        at[i][2] = chance_in(p, 0.42, 0.58) * (i == 0 ? 1.25 : 1);
    }
    if (p->scene->style == PAINT_ILLUSTRATION && depth < 0.85) {
        for (int i = 0; i < heaps; i++)
            path_oval(p, at[i][0], at[i][1], rx * at[i][2] + 1.6, ry * at[i][2] + 1.6);
        paint_plain(p, rgb_mix(RGB(0x2b2a30), p->light.haze, depth * 0.8), 0.85 - 0.6 * depth);
    }
    static const double tones[3] = {0.12, 0.55, 1};
    for (int tone = 0; tone < 3; tone++) {
        double shrink = 1 - 0.24 * tone, up = -ry * 0.13 * tone, over = side * rx * 0.1 * tone;
        for (int i = 0; i < heaps; i++)
            path_oval(p, at[i][0] + over, at[i][1] + up, rx * at[i][2] * shrink,
                      ry * at[i][2] * shrink);
        paint_plain(p, paint_shade(p, of, tones[tone], depth), tone == 2 ? 0.62 : 1);
    }
    if (rx < 30) return;
    for (int i = 0; i < (int)(rx * 1.1); i++) { /* dabs of leaves */
        double a = chance_in(p, 0, 2 * M_PI), d = sqrt(chance(p)) * 0.92;
        double lx = x + cos(a) * d * rx, ly = y + sin(a) * d * ry,
               light = -sin(a) * d * 0.4 + cos(a) * d * side * 0.3;
        path_oval(p, lx, ly, rx * 0.05, rx * 0.034);
        paint_plain(
            p, paint_shade(p, of, fmin(1, fmax(0, 0.55 + light + chance_in(p, -0.2, 0.35))), depth),
            0.75);
    }
}

static void cap(Painting *p, double x, double y, double rx, double ry) { /* of snow */
    path_oval(p, x, y, rx, ry);
    paint_plain(p, paint_shade(p, RGB(0xf6f8ff), 0.9, 0.05), 0.9);
}

void tree_paint(Painting *p, double x, double foot, double height, double depth) {
    if (snowy(p)) {
        bare(p, x, foot, height, depth);
        return;
    }
    if (height > 30) {
        cairo_save(p->cr); /* what it stands in */
        cairo_translate(p->cr, x + (p->light.sun_x > 0.5 ? -1 : 1) * height * 0.12, foot);
        cairo_scale(p->cr, 1, 0.16);
        paint_spot(p, 0, 0, height * 0.42, rgb_scale(p->light.air, 0.3), 0.5 * (1 - depth));
        cairo_restore(p->cr);
    }
    trunk(p, x, foot, height, depth);
    Rgb of = leaves(p);
    double wide = p->hand.crown == 0 ? 0.36 : p->hand.crown == 1 ? 0.3 : 0.42;
    double tall = p->hand.crown == 2 ? 0.3 : 0.36;
    crown(p, x + (p->scene->weather == WEATHER_WIND ? height * 0.07 : 0),
          foot - height * (1 - tall), height * wide, height * tall, of, depth);
}

void tree_poplar(Painting *p, double x, double foot, double height, double depth) {
    if (snowy(p)) {
        bare(p, x, foot, height, depth);
        return;
    }
    Rgb of = p->scene->season == SEASON_AUTUMN ? RGB(0xd9a63c)
                                               : rgb_mix(p->hand.leaf, p->hand.leaf2, chance(p));
    trunk(p, x, foot, height * 0.5, depth);
    for (int tone = 0; tone < 3; tone++) {
        double s = 1 - 0.25 * tone,
               over = (p->light.sun_x * PAINT_W > x ? 1 : -1) * height * 0.02 * tone,
               w = height * 0.13 * s;
        double y = foot - height * 0.1, top = foot - height * (1 - 0.03 * tone);
        cairo_move_to(p->cr, x + over, top);
        cairo_curve_to(p->cr, x + over + w, top + height * 0.3, x + over + w, y - height * 0.1,
                       x + over, y);
        cairo_curve_to(p->cr, x + over - w, y - height * 0.1, x + over - w, top + height * 0.3,
                       x + over, top);
        if (tone == 0)
            paint_fill_lit(p, of, 0.15, depth);
        else
            paint_plain(p, paint_shade(p, of, 0.5 * tone, depth), 0.7);
    }
}

void tree_pine(Painting *p, double x, double foot, double height, double depth) {
    int tiers = height > 90 ? 7 : height > 40 ? 5 : 3;
    Rgb of = rgb_mix(rgb_mix(p->hand.leaf, RGB(0x2f5a4c), 0.6), p->hand.leaf2, 0.15 * chance(p));
    double w = height * chance_in(p, 0.2, 0.25), side = p->light.sun_x * PAINT_W > x ? 1 : -1;
    path_box(p, x - height * 0.018, foot - height * 0.16, height * 0.036, height * 0.17);
    paint_fill_lit(p, RGB(0x5d4638), 0.3, depth);
    for (int i = 0; i < tiers; i++) {
        double t = (double)i / tiers, y = foot - height * (0.08 + 0.86 * t),
               half = w * (1 - t * 0.86);
        double top = y - height * (1.25 / tiers) * (1 - 0.25 * t);
        for (int face = 0; face < 2; face++) {
            double s = face ? side : -side;
            cairo_move_to(p->cr, x, top);
            cairo_curve_to(p->cr, x + s * half * 0.3, y - (y - top) * 0.4, x + s * half * 0.7,
                           y - (y - top) * 0.12, x + s * half, y);
            cairo_curve_to(p->cr, x + s * half * 0.6, y - half * 0.1, x + s * half * 0.3,
                           y + half * 0.12, x, y + half * 0.05);
            cairo_close_path(p->cr);
            paint_plain(p, paint_shade(p, of, face ? 0.85 : 0.15, depth), 1);
        }
        if (snowy(p) && half > 5) {
            cairo_move_to(p->cr, x, top);
            cairo_curve_to(p->cr, x + half * 0.3, y - (y - top) * 0.45, x + half * 0.7,
                           y - (y - top) * 0.2, x + half * 0.9, y - half * 0.04);
            cairo_curve_to(p->cr, x + half * 0.3, y - half * 0.3, x - half * 0.3, y - half * 0.2,
                           x - half * 0.9, y - half * 0.04);
            cairo_curve_to(p->cr, x - half * 0.7, y - (y - top) * 0.2, x - half * 0.3,
                           y - (y - top) * 0.45, x, top);
            paint_plain(p, paint_shade(p, RGB(0xf4f7ff), 0.85, depth), 0.9);
        }
    }
}

void tree_palm(Painting *p, double x, double foot, double height, double depth) {
    double lean = height * chance_in(p, -0.18, 0.18), tx = x + lean, ty = foot - height * 0.82;
    cairo_move_to(p->cr, x, foot);
    cairo_curve_to(p->cr, x, foot - height * 0.4, tx - lean * 0.2, ty + height * 0.3, tx, ty);
    paint_stroke(p, RGB(0x8d6f52), height * 0.035, depth);
    for (int i = 0; i < 9; i++) {
        double a = M_PI * (0.95 + 1.1 * i / 8.0) + chance_in(p, -0.08, 0.08),
               r = height * chance_in(p, 0.3, 0.38);
        double ex = tx + cos(a) * r, ey = ty + sin(a) * r * 0.55 + height * 0.13,
               up = height * 0.12;
        cairo_move_to(p->cr, tx, ty);
        cairo_curve_to(p->cr, tx + cos(a) * r * 0.4, ty + sin(a) * r * 0.5 - up, ex, ey - up, ex,
                       ey);
        cairo_curve_to(p->cr, ex - cos(a) * r * 0.2, ey - up * 0.6, tx + cos(a) * r * 0.4,
                       ty + sin(a) * r * 0.3 - up * 0.3, tx, ty);
        paint_plain(p, paint_shade(p, p->hand.leaf, 0.25 + 0.08 * i, depth), 1);
    }
}

void tree_any(Painting *p, double x, double foot, double height, double depth) {
    const unsigned char *has = p->scene->has;
    bool high = p->scene->place == PLACE_MOUNTAINS || (p->scene->place == PLACE_LAKE && snowy(p));
    if (has[THING_PALM] || p->scene->place == PLACE_DESERT)
        tree_palm(p, x, foot, height, depth);
    else if (has[THING_PINE] || high)
        tree_pine(p, x, foot, height * 1.15, depth);
    else if (p->hand.crown == 1 && height < 170 && chance(p) < 0.3)
        tree_poplar(p, x, foot, height * 1.25, depth);
    else
        tree_paint(p, x, foot, height, depth);
}

void tree_row(Painting *p, double x0, double x1, double foot, double height, double depth,
              double gap) {
    for (double x = x0; x < x1; x += gap * chance_in(p, 0.55, 1.5))
        tree_any(p, x, foot + chance_in(p, -0.08, 0.08) * height, height * chance_in(p, 0.65, 1.2),
                 depth);
}

void tree_branch(Painting *p) {
    double side = p->light.sun_x > 0.5 ? 0 : PAINT_W, way = side == 0 ? 1 : -1;
    Rgb of = snowy(p) ? RGB(0x4a3c36) : leaves(p);
    cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
    for (int i = 0; i < 3; i++) {
        double y = 18 + 62 * i, reach = chance_in(p, 190, 380);
        cairo_move_to(p->cr, side - way * 20, y - 26);
        cairo_curve_to(p->cr, side + way * reach * 0.3, y - 8, side + way * reach * 0.7, y - 6,
                       side + way * reach, y + 32);
        paint_stroke(p, RGB(0x4a3c36), 7 - 1.6 * i, 0);
        for (int k = 0; k < 34; k++) {
            double t = 0.15 + 0.85 * chance(p), lx = side + way * reach * t,
                   ly = y - 14 + 46 * t * t + chance_in(p, -24, 30);
            if (snowy(p)) {
                if (k % 3 == 0) cap(p, lx, y - 18 + 44 * t * t, 9, 3);
                continue;
            }
            cairo_save(p->cr);
            cairo_translate(p->cr, lx + chance_in(p, -14, 14), ly);
            cairo_rotate(p->cr, chance_in(p, 0, 3.1));
            path_oval(p, 0, 0, 11, 4.6);
            cairo_restore(p->cr);
            paint_fill_lit(p, of, chance_in(p, 0, 0.5), 0);
        }
    }
}
