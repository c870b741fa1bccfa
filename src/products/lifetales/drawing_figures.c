/* SPDX-License-Identifier: Apache-2.0
 * People and animals of a drawing: quiet figures without faces, seen from behind or the side. */
#include <math.h>

#include "products/lifetales/drawing_paint.h"

/* What stands on the ground throws a little shade. */
static void shade_under(Painting *p, double x, double foot, double w, double depth) {
    if (p->inside) return;
    double away = (p->light.sun_x * PAINT_W > x ? -1 : 1) * w * 0.5;
    cairo_save(p->cr);
    cairo_translate(p->cr, x + away, foot);
    cairo_scale(p->cr, 1, 0.18);
    paint_spot(p, 0, 0, w * 1.3, rgb_scale(p->light.air, 0.3), 0.6 * (1 - depth));
    cairo_restore(p->cr);
}

static void limb(Painting *p, double x0, double y0, double x1, double y1, double width, Rgb of,
                 double depth) {
    cairo_move_to(p->cr, x0, y0);
    cairo_line_to(p->cr, x1, y1);
    paint_stroke(p, of, width, depth);
}

static Rgb clothes(Painting *p) {
    const Rgb all[] = {p->hand.accent, p->hand.accent2, RGB(0x39465c), RGB(0xe8dcc6),
                       RGB(0x8c5a4a),  RGB(0x5c7a6c),   RGB(0xc9994a)};
    return all[chance_of(p, COUNT(all))];
}

static Rgb hair_of(Painting *p) {
    static const Rgb all[] = {{0.2, 0.15, 0.13},
                              {0.36, 0.24, 0.16},
                              {0.6, 0.44, 0.25},
                              {0.75, 0.73, 0.7},
                              {0.12, 0.1, 0.12}};
    ptrdiff_t at = chance_of(p, COUNT(all));
    return p->scene->has[THING_OLD] ? RGB(0xa39d98) : all[at];
}

static void umbrella(Painting *p, double x, double top, double r, double depth) {
    limb(p, x, top, x, top + r * 1.15, fmax(1.4, r * 0.05), RGB(0x3a3438), depth);
    cairo_move_to(p->cr, x - r, top + r * 0.2);
    cairo_curve_to(p->cr, x - r * 0.85, top - r * 0.62, x + r * 0.85, top - r * 0.62, x + r,
                   top + r * 0.2);
    for (int i = 3; i >= 0; i--) {
        double a = x - r + r * 0.5 * i;
        cairo_curve_to(p->cr, a + r * 0.4, top + r * 0.03, a + r * 0.1, top + r * 0.03, a,
                       top + r * 0.2);
    }
    cairo_close_path(p->cr);
    paint_fill(p, p->hand.accent, depth);
}

/* kind: 0 a man, 1 a woman (in a dress or a long coat), 2 a child. Height without any hat. */
void figure_person(Painting *p, double x, double foot, double h, double depth, int kind) {
    double head = h * (kind == 2 ? 0.105 : 0.074), neck = foot - h + head * 2.1,
           hip = foot - h * (kind == 2 ? 0.4 : 0.48);
    double wide = h * (kind == 1 ? 0.1 : 0.118), step = h * chance_in(p, 0.03, 0.08),
           lean = chance_in(p, -0.01, 0.02) * h;
    Rgb coat = clothes(p), legs = kind == 1 ? RGB(0x4b3f44) : RGB(0x3b4150), hair = hair_of(p),
        skin = RGB(0xd9a98a);
    bool winter =
        !p->inside && (p->scene->season == SEASON_WINTER || p->scene->weather == WEATHER_SNOW);
    shade_under(p, x, foot, h * 0.24, depth);
    limb(p, x - wide * 0.35, hip, x - step, foot - h * 0.012, h * 0.05, legs, depth);
    limb(p, x + wide * 0.35, hip, x + step, foot - h * 0.012, h * 0.05, legs, depth);
    double hem = kind == 1 ? foot - h * 0.24 : hip + h * (winter ? 0.12 : 0.03),
           flare = kind == 1 ? 1.75 : 1.05;
    double hand_y = hip + h * 0.03, swing = h * 0.03;
    limb(p, x - wide * 0.95, neck + h * 0.06, x - wide * 1.15 - swing, hand_y, h * 0.042,
         rgb_scale(coat, 0.88), depth);
    cairo_move_to(p->cr, x - wide * 0.45 + lean, neck);
    cairo_curve_to(p->cr, x - wide * 1.1 + lean, neck + h * 0.01, x - wide * 1.08, neck + h * 0.1,
                   x - wide * 0.78, hip - h * 0.06);
    cairo_line_to(p->cr, x - wide * flare, hem);
    cairo_curve_to(p->cr, x - wide * 0.4, hem + h * 0.015, x + wide * 0.4, hem + h * 0.015,
                   x + wide * flare, hem);
    cairo_line_to(p->cr, x + wide * 0.78, hip - h * 0.06);
    cairo_curve_to(p->cr, x + wide * 1.08, neck + h * 0.1, x + wide * 1.1 + lean, neck + h * 0.01,
                   x + wide * 0.45 + lean, neck);
    cairo_close_path(p->cr);
    paint_fill(p, coat, depth);
    bool open = !p->inside && (p->scene->has[THING_UMBRELLA] || p->scene->weather == WEATHER_RAIN);
    if (open && kind != 2)
        limb(p, x + wide * 0.95, neck + h * 0.06, x + wide * 1.5, neck + h * 0.14, h * 0.042,
             rgb_scale(coat, 0.88), depth);
    else
        limb(p, x + wide * 0.95, neck + h * 0.06, x + wide * 1.15 + swing, hand_y, h * 0.042,
             rgb_scale(coat, 0.88), depth);
    limb(p, x + lean, neck + h * 0.01, x + lean, neck - head * 0.4, head * 0.7, skin, depth);
    path_oval(p, x + lean, neck - head * 1.1, head * 0.86, head);
    paint_fill(p, skin, depth);
    path_oval(p, x + lean - head * 0.1, neck - head * 1.35, head * 0.98,
              head * 0.86); /* seen from behind */
    if (kind == 1)
        path_round_box(p, x + lean - head * 0.95, neck - head * 1.5, head * 1.8, head * 1.9,
                       head * 0.6);
    paint_fill(p, winter ? p->hand.accent : hair, depth);
    if (winter) {
        path_round_box(p, x - wide * 0.6, neck - h * 0.012, wide * 1.2, h * 0.045, h * 0.02);
        paint_fill(p, p->hand.accent2, depth);
    }
    if (open && kind != 2) umbrella(p, x + wide * 1.2, neck - head * 3.4, h * 0.27, depth);
}

void figure_group(Painting *p, double x, double foot, double h, double depth) {
    const unsigned char *has = p->scene->has;
    int kinds[7], count = 0;
    int most = has[THING_OLD] ? 1 : 2; /* grand-mère is mère as well */
    for (int i = 0; i < has[THING_WOMAN] && i < most; i++) kinds[count++] = 1;
    for (int i = 0; i < has[THING_MAN] && i < most; i++) kinds[count++] = 0;
    for (int i = 0; i < has[THING_CHILD] && i < 2; i++) kinds[count++] = 2;
    if (has[THING_CROWD] && count < 3) {
        static const int family[] = {0, 2, 1, 0};
        for (int i = 0; i < COUNT(family) && count < 5; i++) kinds[count++] = family[i];
    }
    if (count == 2 && kinds[0] == kinds[1]) kinds[1] = kinds[0]; /* two friends */
    double gap = h * 0.34, left = x - gap * (count - 1) / 2;
    for (int i = 0; i < count; i++) {
        double tall = kinds[i] == 2 ? 0.62 : kinds[i] == 1 ? 0.94 : 1;
        figure_person(p, left + gap * i, foot + (i % 2) * h * 0.03, h * tall, depth, kinds[i]);
    }
}

/* Seen from the side, on a chair or a bench; `seat` is its height on the paper. */
void figure_seated(Painting *p, double x, double seat, double h, double facing) {
    Rgb coat = clothes(p), skin = RGB(0xd9a98a);
    double f = facing < 0 ? -1 : 1, d = p->inside ? 0 : 0.1;
    limb(p, x, seat - h * 0.05, x + f * h * 0.3, seat - h * 0.07, h * 0.11, RGB(0x3f4654), d);
    limb(p, x + f * h * 0.3, seat - h * 0.07, x + f * h * 0.32, seat + h * 0.28, h * 0.085,
         RGB(0x3f4654), d);
    cairo_move_to(p->cr, x - f * h * 0.1, seat);
    cairo_curve_to(p->cr, x - f * h * 0.17, seat - h * 0.25, x - f * h * 0.13, seat - h * 0.47, x,
                   seat - h * 0.5);
    cairo_curve_to(p->cr, x + f * h * 0.14, seat - h * 0.44, x + f * h * 0.13, seat - h * 0.18,
                   x + f * h * 0.12, seat);
    cairo_close_path(p->cr);
    paint_fill(p, coat, d);
    limb(p, x, seat - h * 0.4, x + f * h * 0.08, seat - h * 0.2, h * 0.075, rgb_scale(coat, 0.85),
         d);
    limb(p, x + f * h * 0.08, seat - h * 0.2, x + f * h * 0.26, seat - h * 0.22, h * 0.065,
         rgb_scale(coat, 0.85), d);
    limb(p, x + f * h * 0.01, seat - h * 0.48, x + f * h * 0.03, seat - h * 0.56, h * 0.06, skin,
         d);
    path_oval(p, x + f * h * 0.045, seat - h * 0.64, h * 0.082, h * 0.095);
    paint_fill(p, skin, d);
    path_oval(p, x + f * h * 0.015, seat - h * 0.67, h * 0.092, h * 0.088);
    paint_fill(p, hair_of(p), d);
}

void figure_dog(Painting *p, double x, double foot, double h, double facing, double depth) {
    static const char body[] = "M -0.62 -0.62 C -0.4 -0.74 0.1 -0.7 0.42 -0.78 C 0.5 -0.95 0.52 "
                               "-1.08 0.62 -1.1 C 0.66 -1.2 0.74 "
                               "-1.22 0.78 -1.1 C 0.86 -1.06 0.98 -1 1.04 -0.96 C 1.06 -0.88 0.98 "
                               "-0.84 0.86 -0.84 C 0.76 -0.8 0.7 "
                               "-0.7 0.6 -0.52 C 0.58 -0.4 0.56 -0.3 0.56 0 L 0.44 0 C 0.44 -0.2 "
                               "0.42 -0.3 0.36 -0.36 C 0.1 -0.3 "
                               "-0.2 -0.32 -0.36 -0.38 C -0.42 -0.28 -0.4 -0.14 -0.42 0 L -0.54 0 "
                               "C -0.56 -0.16 -0.6 -0.26 -0.62 "
                               "-0.38 C -0.68 -0.46 -0.68 -0.56 -0.62 -0.62 Z";
    static const char tail[] = "M -0.6 -0.58 C -0.8 -0.66 -0.86 -0.86 -0.96 -0.94";
    static const Rgb coats[] = {
        {0.72, 0.5, 0.3}, {0.3, 0.25, 0.24}, {0.86, 0.76, 0.6}, {0.55, 0.38, 0.26}};
    Rgb of = coats[chance_mix(p->scene->look, 51) % (uint64_t)COUNT(coats)];
    shade_under(p, x, foot, h * 0.8, depth);
    for (int far = 1; far >= 0; far--) { /* the legs of the other side first */
        path_text(p, tail, x, foot, h, facing);
        paint_stroke(p, of, h * 0.09, depth);
        path_text(p, body, x + far * h * 0.1 * (facing < 0 ? -1 : 1), foot - far * h * 0.03, h,
                  facing);
        paint_fill(p, far ? rgb_scale(of, 0.7) : of, depth);
    }
    path_text(p, "M 0.62 -1.08 C 0.52 -1.06 0.5 -0.92 0.56 -0.86 C 0.62 -0.9 0.64 -1 0.68 -1.08 Z",
              x, foot, h, facing);
    paint_fill_lit(p, rgb_scale(of, 0.6), 0.3, depth);
    path_text(p, "M 0.46 -0.78 L 0.62 -0.7", x, foot, h, facing);
    cairo_set_line_width(p->cr, h * 0.07);
    paint_rgb(p, paint_shade(p, p->hand.accent, 0.6, depth), 1);
    cairo_stroke(p->cr);
}

/* Seated, from behind. */
void figure_cat(Painting *p, double x, double foot, double h, double depth) {
    static const Rgb coats[] = {
        {0.2, 0.18, 0.2}, {0.78, 0.5, 0.25}, {0.55, 0.53, 0.54}, {0.9, 0.86, 0.8}};
    Rgb of = coats[chance_mix(p->scene->look, 52) % (uint64_t)COUNT(coats)];
    path_text(p, "M 0.26 -0.06 C 0.6 0.02 0.66 -0.3 0.5 -0.36", x, foot, h, 1);
    paint_stroke(p, of, h * 0.09, depth);
    path_text(p,
              "M -0.3 0 C -0.42 -0.3 -0.26 -0.52 -0.18 -0.62 C -0.26 -0.72 -0.25 -0.84 -0.2 -1.02 "
              "L -0.09 -0.93 C -0.04 -0.95 0.04 "
              "-0.95 0.09 -0.93 L 0.2 -1.02 C 0.25 -0.84 0.26 -0.72 0.18 -0.62 C 0.26 -0.52 0.42 "
              "-0.3 0.3 0 Z",
              x, foot, h, 1);
    paint_fill(p, of, depth);
}

void figure_horse(Painting *p, double x, double foot, double h, double facing, double depth,
                  Rgb of) {
    shade_under(p, x, foot, h * 0.5, depth);
    for (int far = 1; far >= 0; far--) {
        double dx = far * h * 0.06 * (facing < 0 ? -1 : 1);
        path_text(p,
                  "M -0.4 -0.58 C -0.44 -0.4 -0.36 -0.3 -0.4 -0.2 L -0.38 0 L -0.3 0 L -0.31 -0.22 "
                  "C -0.26 -0.32 -0.24 -0.4 -0.22 "
                  "-0.5 Z M 0.2 -0.5 C 0.2 -0.34 0.22 -0.2 0.2 0 L 0.28 0 C 0.29 -0.2 0.32 -0.36 "
                  "0.34 -0.56 Z",
                  x + dx, foot - far * h * 0.015, h, facing);
        paint_fill(p, far ? rgb_scale(of, 0.65) : of, depth);
    }
    path_text(p,
              "M -0.42 -0.56 C -0.46 -0.74 -0.34 -0.8 -0.2 -0.78 C 0 -0.74 0.1 -0.76 0.2 -0.78 C "
              "0.3 -0.88 0.36 -1 0.42 -1.1 L 0.46 "
              "-1.18 L 0.5 -1.09 C 0.58 -1.04 0.66 -0.92 0.7 -0.86 C 0.7 -0.8 0.64 -0.78 0.6 -0.82 "
              "C 0.54 -0.88 0.5 -0.9 0.46 -0.9 C "
              "0.42 -0.78 0.38 -0.66 0.36 -0.54 C 0.26 -0.44 0 -0.46 -0.2 -0.46 C -0.3 -0.46 -0.38 "
              "-0.48 -0.42 -0.56 Z",
              x, foot, h, facing);
    paint_fill(p, of, depth);
    path_text(p,
              "M 0.44 -1.14 C 0.34 -1.04 0.26 -0.92 0.18 -0.78 L 0.26 -0.8 C 0.32 -0.88 0.4 -1 "
              "0.46 -1.08 Z M -0.41 -0.74 C -0.54 -0.7 "
              "-0.52 -0.5 -0.54 -0.3 C -0.46 -0.4 -0.44 -0.56 -0.4 -0.64 Z",
              x, foot, h, facing);
    paint_fill_lit(p, rgb_scale(of, 0.45), 0.4, depth);
}

void figure_cow(Painting *p, double x, double foot, double h, double facing, double depth, Rgb of) {
    shade_under(p, x, foot, h * 0.6, depth);
    for (int i = 0; i < 4; i++) {
        double lx = x + h * (-0.5 + 0.27 * i + (i > 1 ? 0.16 : 0)) * (facing < 0 ? -1 : 1);
        limb(p, lx, foot - h * 0.5, lx, foot, h * 0.1, rgb_scale(of, i % 2 ? 0.7 : 0.95), depth);
    }
    path_text(p,
              "M -0.66 -0.86 C -0.3 -0.96 0.2 -0.92 0.44 -0.94 C 0.5 -1.06 0.58 -1.1 0.66 -1.06 "
              "L 0.76 -1.12 L 0.76 -1.02 C 0.86 -0.96 0.96 -0.8 0.98 -0.72 C 0.94 -0.64 0.84 -0.64 "
              "0.78 -0.7 C 0.7 -0.6 0.6 -0.48 0.48 -0.42 C 0.2 -0.34 -0.3 -0.34 -0.6 -0.42 C -0.7 "
              "-0.54 -0.72 -0.76 -0.66 -0.86 Z",
              x, foot, h, facing);
    paint_fill(p, of, depth);
    path_text(
        p,
        "M -0.4 -0.88 C -0.2 -0.9 -0.1 -0.7 -0.26 -0.6 C -0.44 -0.56 -0.54 -0.78 -0.4 -0.88 Z M "
        "0.1 -0.72 C 0.24 -0.8 0.36 -0.6 0.24 -0.5 C 0.1 -0.46 0.02 -0.62 0.1 -0.72 Z",
        x, foot, h, facing);
    Rgb spots = rgb_bright(of) > 0.6 ? RGB(0x5a3a2a) : RGB(0xf0e8dc);
    paint_plain(p, paint_shade(p, spots, 0.6, depth), 0.9);
    cairo_move_to(p->cr, x - h * 0.67 * (facing < 0 ? -1 : 1), foot - h * 0.82);
    cairo_rel_curve_to(p->cr, 0, h * 0.1, 0, h * 0.3, 0, h * 0.42);
    paint_stroke(p, of, h * 0.04, depth);
}

void figure_sheep(Painting *p, double x, double foot, double h, double depth) {
    double f = chance(p) < 0.5 ? -1 : 1;
    shade_under(p, x, foot, h * 0.6, depth);
    for (int i = 0; i < 4; i++)
        limb(p, x + (i - 1.5) * h * 0.26, foot - h * 0.4, x + (i - 1.5) * h * 0.26, foot, h * 0.08,
             RGB(0x4a4244), depth);
    for (int i = 0; i < 8; i++) {
        double a = i * M_PI / 4;
        path_oval(p, x + cos(a) * h * 0.42, foot - h * 0.62 + sin(a) * h * 0.2, h * 0.24, h * 0.21);
    }
    path_oval(p, x, foot - h * 0.62, h * 0.5, h * 0.3);
    paint_plain(p, paint_shade(p, RGB(0xf4efe4), 0.75, depth), 1);
    path_oval(p, x + f * h * 0.66, foot - h * 0.78, h * 0.17, h * 0.13);
    paint_fill_lit(p, RGB(0x4a4244), 0.4, depth);
}
