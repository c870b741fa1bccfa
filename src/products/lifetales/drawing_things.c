/* SPDX-License-Identifier: Apache-2.0
 * What stands, rides, sails and flies out of doors in a drawing. */
#include <math.h>

#include "products/lifetales/drawing_paint.h"

/* The same again upside down below the line, paler: for what floats. */
static void mirrored(Painting *p, double y,
                     void (*draw)(Painting *p, double x, double y, double h, double depth),
                     double x, double h, double depth) {
    uint64_t was = p->chance;
    cairo_save(p->cr);
    cairo_rectangle(p->cr, x - h * 2, y, h * 4, h * 0.8);
    cairo_clip(p->cr);
    cairo_push_group(p->cr);
    cairo_translate(p->cr, 0, y);
    cairo_scale(p->cr, 1, -0.7);
    cairo_translate(p->cr, 0, -y);
    draw(p, x, y, h, depth);
    cairo_pop_group_to_source(p->cr);
    cairo_paint_with_alpha(p->cr, 0.3);
    cairo_restore(p->cr);
    p->chance = was;
    draw(p, x, y, h, depth);
}

static void sailboat(Painting *p, double x, double y, double h, double depth) {
    double f = p->light.sun_x < 0.5 ? 1 : -1;
    path_line(p, x, y - h * 0.1, x, y - h);
    paint_stroke(p, RGB(0x5a4434), h * 0.016, depth);
    cairo_move_to(p->cr, x + f * h * 0.02, y - h * 0.97);
    cairo_curve_to(p->cr, x + f * h * 0.18, y - h * 0.6, x + f * h * 0.33, y - h * 0.3,
                   x + f * h * 0.4, y - h * 0.16);
    cairo_line_to(p->cr, x + f * h * 0.02, y - h * 0.15);
    cairo_close_path(p->cr);
    paint_fill(p, RGB(0xfaf4e6), depth);
    cairo_move_to(p->cr, x - f * h * 0.02, y - h * 0.86);
    cairo_curve_to(p->cr, x - f * h * 0.12, y - h * 0.6, x - f * h * 0.24, y - h * 0.3,
                   x - f * h * 0.3, y - h * 0.16);
    cairo_line_to(p->cr, x - f * h * 0.02, y - h * 0.18);
    cairo_close_path(p->cr);
    paint_fill(p, p->hand.accent, depth);
    cairo_move_to(p->cr, x - h * 0.36, y - h * 0.12);
    cairo_curve_to(p->cr, x - h * 0.3, y + h * 0.02, x - h * 0.2, y + h * 0.02, x, y + h * 0.02);
    cairo_curve_to(p->cr, x + h * 0.24, y + h * 0.02, x + h * 0.34, y - h * 0.02, x + h * 0.42,
                   y - h * 0.13);
    cairo_close_path(p->cr);
    paint_fill(p, rgb_mix(p->hand.accent2, RGB(0x3a3038), 0.2), depth);
}

void thing_sailboat(Painting *p, double x, double y, double h, double depth) {
    mirrored(p, y, sailboat, x, h, depth);
}

static void ship(Painting *p, double x, double y, double h, double depth) {
    double w = h * 1.5;
    path_box(p, x - w * 0.28, y - h * 0.5, w * 0.5, h * 0.24);
    path_box(p, x - w * 0.2, y - h * 0.64, w * 0.26, h * 0.15);
    paint_fill(p, RGB(0xf4f0e8), depth);
    for (int i = 0; i < 2; i++) {
        path_box(p, x - w * (0.16 - 0.17 * i), y - h * 0.92, w * 0.075, h * 0.3);
        paint_fill(p, p->hand.accent, depth);
    }
    for (int i = 0; i < 7; i++)
        path_oval(p, x - w * 0.24 + w * 0.07 * i, y - h * 0.38, h * 0.025, h * 0.025);
    paint_plain(p, p->light.lamps ? RGB(0xffd98a) : paint_shade(p, RGB(0x56667a), 0.5, depth), 1);
    const double hull[] = {x - w * 0.5,  y - h * 0.3, x + w * 0.56, y - h * 0.34,
                           x + w * 0.42, y + 1,       x - w * 0.44, y + 1};
    path_poly(p, hull, 4);
    paint_fill(p, rgb_mix(p->hand.accent2, RGB(0x22303f), 0.5), depth);
    for (int i = 0; i < 6; i++)
        paint_spot(p, x - w * 0.1 - i * i * h * 0.07, y - h - i * h * 0.1, h * (0.08 + 0.04 * i),
                   rgb_mix(p->light.mid, RGB(0x8a8a90), 0.4), 0.5);
}

void thing_ship(Painting *p, double x, double y, double h, double depth) {
    mirrored(p, y, ship, x, h, depth);
}

void thing_train(Painting *p, double x, double y, double h, double depth) {
    double car = h * 2.7;
    path_box(p, -20, y - h * 0.06, PAINT_W + 40, h * 0.1);
    paint_fill_lit(p, RGB(0x6d5c50), 0.3, depth);
    for (int i = 0; i < 4; i++) {
        double left = x - i * (car + h * 0.12);
        if (i == 0) { /* the engine */
            path_round_box(p, left - car * 0.42, y - h * 0.78, car * 0.5, h * 0.56, h * 0.2);
            path_box(p, left - car * 0.62, y - h * 1.12, car * 0.24, h * 0.9);
            path_box(p, left - car * 0.02, y - h * 1.12, h * 0.2, h * 0.4);
            paint_fill(p, rgb_mix(p->hand.accent2, RGB(0x23282f), 0.45), depth);
            path_box(p, left - car * 0.58, y - h * 0.98, car * 0.15, h * 0.3);
            paint_plain(
                p, p->light.lamps ? RGB(0xffd07a) : paint_shade(p, RGB(0xbfd4dc), 0.8, depth), 1);
            if (p->light.lamps)
                paint_glow(p, left + car * 0.1, y - h * 0.5, h * 3, RGB(0xffdf9a), 0.6);
            for (int k = 0; k < 11; k++)
                paint_spot(p, left + h * 0.08 - k * h * 0.62,
                           y - h * 1.35 - k * h * 0.2 - chance_in(p, 0, h * 0.2),
                           h * (0.32 + 0.085 * k), rgb_mix(p->light.low, RGB(0xffffff), 0.5),
                           0.62 - 0.04 * k);
        } else {
            path_round_box(p, left - car * 0.5, y - h * 1.02, car * 0.98, h * 0.8, h * 0.09);
            paint_fill(p, i % 2 ? p->hand.accent : rgb_mix(p->hand.accent, p->hand.wall, 0.5),
                       depth);
            for (int k = 0; k < 6; k++)
                path_box(p, left - car * 0.45 + car * 0.155 * k, y - h * 0.86, car * 0.1, h * 0.3);
            paint_plain(
                p, p->light.lamps ? RGB(0xffd68a) : paint_shade(p, RGB(0xcfe0e6), 0.85, depth), 1);
            if (p->light.lamps) paint_glow(p, left, y - h * 0.7, h * 1.6, RGB(0xffb860), 0.3);
        }
        for (int k = 0; k < 4; k++)
            path_oval(p, left - car * 0.4 + car * (i ? 0.27 : 0.16) * k, y - h * 0.16, h * 0.16,
                      h * 0.16);
        paint_fill_lit(p, RGB(0x33302f), 0.3, depth);
    }
}

void thing_car(Painting *p, double x, double foot, double h, double depth) {
    Rgb of = chance_mix(p->scene->look, 53) % 2 ? p->hand.accent : p->hand.accent2;
    path_text(p,
              "M -1.25 -0.2 L -1.25 -0.5 C -1.2 -0.6 -0.9 -0.62 -0.7 -0.64 C -0.5 -0.9 -0.4 -1 "
              "-0.2 -1 L 0.3 -1 C 0.5 -1 0.66 -0.8 0.78 "
              "-0.62 C 1 -0.6 1.2 -0.56 1.26 -0.44 L 1.26 -0.2 Z",
              x, foot, h, 1);
    paint_fill(p, of, depth);
    path_text(p,
              "M -0.56 -0.64 C -0.42 -0.84 -0.34 -0.9 -0.2 -0.9 L 0 -0.9 L 0 -0.64 Z M 0.08 -0.9 L "
              "0.28 -0.9 C 0.42 -0.9 0.54 -0.76 0.62 "
              "-0.64 L 0.08 -0.64 Z",
              x, foot, h, 1);
    paint_plain(p, paint_shade(p, RGB(0xc6dbe4), 0.8, depth), 1);
    for (int i = 0; i < 2; i++) {
        path_oval(p, x + (i ? 0.72 : -0.76) * h, foot - h * 0.2, h * 0.22, h * 0.22);
        paint_fill_lit(p, RGB(0x2f2d30), 0.3, depth);
        path_oval(p, x + (i ? 0.72 : -0.76) * h, foot - h * 0.2, h * 0.1, h * 0.1);
        paint_plain(p, paint_shade(p, RGB(0xcfcfd2), 0.8, depth), 1);
    }
    if (p->scene->place != PLACE_TOWN && p->scene->place != PLACE_CITY) { /* a case on the roof */
        path_round_box(p, x - h * 0.2, foot - h * 1.2, h * 0.5, h * 0.19, h * 0.04);
        paint_fill(p, RGB(0x9a6a42), depth);
    }
    if (!p->light.lamps) return;
    paint_glow(p, x + h * 1.3, foot - h * 0.42, h * 1.8, RGB(0xfff0b8), 0.75);
}

void thing_bicycle(Painting *p, double x, double foot, double h, double depth) {
    double r = h * 0.32, ax = x - h * 0.5, bx = x + h * 0.5, y = foot - r;
    Rgb of = p->hand.accent;
    double w = fmax(1.6, h * 0.03);
    cairo_new_sub_path(p->cr);
    cairo_arc(p->cr, ax, y, r, 0, 2 * M_PI);
    cairo_new_sub_path(p->cr);
    cairo_arc(p->cr, bx, y, r, 0, 2 * M_PI);
    cairo_set_line_width(p->cr, w);
    paint_rgb(p, paint_shade(p, RGB(0x2f2d33), 0.4, depth), 1);
    cairo_stroke(p->cr);
    const double frame[][4] = {{-0.5, 0, -0.06, 0},         {-0.06, 0, -0.2, -0.42},
                               {-0.5, 0, -0.18, -0.36},     {-0.06, 0, 0.36, -0.4},
                               {-0.18, -0.36, 0.34, -0.38}, {0.5, 0, 0.33, -0.5},
                               {-0.2, -0.42, -0.22, -0.48}, {0.33, -0.5, 0.24, -0.56}};
    for (int i = 0; i < COUNT(frame); i++) {
        cairo_move_to(p->cr, x + frame[i][0] * h, y + frame[i][1] * h);
        cairo_line_to(p->cr, x + frame[i][2] * h, y + frame[i][3] * h);
    }
    cairo_set_line_width(p->cr, w * 1.4);
    paint_rgb(p, paint_shade(p, of, 0.7, depth), 1);
    cairo_stroke(p->cr);
    path_oval(p, x - h * 0.23, y - h * 0.5, h * 0.11, h * 0.035);
    paint_fill_lit(p, RGB(0x5a3d2c), 0.5, depth);
}

void thing_balloon(Painting *p, double x, double y, double r, double depth) {
    for (int i = 0; i < 7; i++) {
        double a = -1 + 2.0 * i / 7, b = -1 + 2.0 * (i + 1) / 7;
        cairo_move_to(p->cr, x, y - r);
        cairo_curve_to(p->cr, x + a * r * 1.3, y - r, x + a * r * 1.2, y + r * 0.4,
                       x + a * r * 0.25, y + r * 1.1);
        cairo_line_to(p->cr, x + b * r * 0.25, y + r * 1.1);
        cairo_curve_to(p->cr, x + b * r * 1.2, y + r * 0.4, x + b * r * 1.3, y - r, x, y - r);
        cairo_close_path(p->cr);
        bool lit = (p->light.sun_x * PAINT_W > x) == (i > 3);
        paint_fill_lit(p, i % 2 ? RGB(0xf7efdc) : p->hand.accent, lit ? 0.95 : 0.4, depth);
    }
    for (int i = 0; i < 2; i++) {
        cairo_move_to(p->cr, x + (i ? 1 : -1) * r * 0.2, y + r * 1.1);
        cairo_line_to(p->cr, x + (i ? 1 : -1) * r * 0.14, y + r * 1.42);
        paint_stroke(p, RGB(0x5a4636), 1.4, depth);
    }
    path_round_box(p, x - r * 0.17, y + r * 1.4, r * 0.34, r * 0.25, r * 0.05);
    paint_fill(p, RGB(0x9a6d42), depth);
}

void thing_plane(Painting *p, double x, double y, double s) {
    path_line(p, x - s * 9, y + s * 1.6, x - s, y);
    cairo_set_line_width(p->cr, s * 0.2);
    paint_rgb(p, RGB(0xffffff), 0.55);
    cairo_stroke(p->cr);
    path_text(p,
              "M 1 -0.1 C 0.8 -0.26 -0.6 -0.1 -0.9 0 L -1.1 -0.36 L -1 0.1 L -0.8 0.16 L -0.1 0.1 "
              "L -0.5 0.6 L -0.2 0.56 L 0.3 0.06 C 0.7 "
              "0.06 1 0 1 -0.1 Z",
              x, y, s, 1);
    paint_fill(p, RGB(0xf2f4f7), 0.2);
}

void thing_lamppost(Painting *p, double x, double foot, double h, double depth) {
    path_line(p, x, foot, x, foot - h * 0.86);
    paint_stroke(p, RGB(0x34383d), h * 0.022, depth);
    const double lamp[] = {x - h * 0.035, foot - h * 0.84, x - h * 0.055, foot - h * 0.96,
                           x + h * 0.055, foot - h * 0.96, x + h * 0.035, foot - h * 0.84};
    path_poly(p, lamp, 4);
    paint_plain(p, p->light.lamps ? RGB(0xffe7ac) : paint_shade(p, RGB(0xdfe6e4), 0.8, depth), 1);
    const double hat[] = {x - h * 0.07, foot - h * 0.955, x,
                          foot - h,     x + h * 0.07,     foot - h * 0.955};
    path_poly(p, hat, 3);
    paint_fill_lit(p, RGB(0x34383d), 0.4, depth);
    if (!p->light.lamps) return;
    paint_glow(p, x, foot - h * 0.9, h * 0.8, RGB(0xffb655), 0.6);
    paint_glow(p, x, foot - h * 0.9, h * 0.16, RGB(0xfff0c0), 0.9);
    cairo_save(p->cr);
    cairo_translate(p->cr, x, foot);
    cairo_scale(p->cr, 1, 0.28);
    paint_glow(p, 0, 0, h * 0.6, RGB(0xffb655), 0.45);
    cairo_restore(p->cr);
}

void thing_bench(Painting *p, double x, double foot, double h, double depth) {
    double w = h * 2.1;
    for (int i = 0; i < 2; i++)
        path_box(p, x + (i ? 0.4 : -0.44) * w, foot - h * 0.95, h * 0.07, h * 0.95);
    paint_fill_lit(p, RGB(0x3d3a3c), 0.4, depth);
    for (int i = 0; i < 3; i++)
        path_round_box(p, x - w / 2, foot - h * (1 - 0.2 * i), w, h * 0.13, 2);
    path_round_box(p, x - w * 0.52, foot - h * 0.46, w * 1.04, h * 0.12, 2);
    paint_fill(p, RGB(0xa2754a), depth);
}

void thing_bonfire(Painting *p, double x, double foot, double h) {
    paint_glow(p, x, foot - h * 0.4, h * 5, RGB(0xff8a30), 0.6);
    for (int i = 0; i < 4; i++) {
        cairo_move_to(p->cr, x - h * (0.5 - 0.1 * i), foot + h * 0.06);
        cairo_line_to(p->cr, x + h * (0.15 + 0.12 * i), foot - h * 0.12);
        paint_stroke(p, RGB(0x4c3527), h * 0.12, 0);
    }
    const Rgb flames[] = {RGB(0xe8541f), RGB(0xf9a12f), RGB(0xffe08a)};
    for (int i = 0; i < 3; i++) {
        path_text(p,
                  "M 0 0 C -0.5 -0.1 -0.36 -0.5 -0.2 -0.66 C -0.2 -0.5 -0.1 -0.5 -0.06 -0.62 C "
                  "-0.04 -0.8 0.02 -0.9 0.08 -1 C 0.1 -0.8 0.24 "
                  "-0.7 0.26 -0.5 C 0.3 -0.56 0.34 -0.6 0.34 -0.66 C 0.46 -0.4 0.44 -0.1 0 0 Z",
                  x, foot, h * (1 - 0.27 * i), i % 2 ? -1 : 1);
        paint_plain(p, flames[i], 0.95);
    }
    for (int i = 0; i < 18; i++) {
        path_oval(p, x + chance_in(p, -h, h) * 0.7, foot - h * chance_in(p, 0.9, 3), 1.6, 1.6);
        paint_plain(p, flames[1], 0.8);
    }
}

void thing_fence(Painting *p, double x0, double x1, double foot, double h, double depth) {
    for (double x = x0; x < x1; x += h * 0.62)
        path_box(p, x, foot - h + chance_in(p, -2, 2), h * 0.1, h);
    path_box(p, x0, foot - h * 0.82, x1 - x0, h * 0.09);
    path_box(p, x0, foot - h * 0.42, x1 - x0, h * 0.09);
    paint_fill(p, rgb_mix(RGB(0xefe6d6), RGB(0x8c6a4e), 0.3), depth);
}

void thing_fireworks(Painting *p) {
    const Rgb colours[] = {RGB(0xffd75e), RGB(0xff6b6b), RGB(0x7ad7ff), RGB(0xc58bff),
                           RGB(0x9bf28a)};
    for (int i = 0; i < 6; i++) {
        double x = chance_in(p, 0.12, 0.88) * PAINT_W, y = chance_in(p, 0.08, 0.42) * PAINT_H,
               r = chance_in(p, 60, 150);
        Rgb of = colours[i % COUNT(colours)];
        paint_glow(p, x, y, r * 1.7, of, 0.45);
        for (int k = 0; k < 26; k++) {
            double a = k * 2 * M_PI / 26, far = r * chance_in(p, 0.75, 1.05);
            cairo_move_to(p->cr, x + cos(a) * r * 0.25, y + sin(a) * r * 0.25);
            cairo_curve_to(p->cr, x + cos(a) * far * 0.6, y + sin(a) * far * 0.6,
                           x + cos(a) * far * 0.9, y + sin(a) * far * 0.9, x + cos(a) * far,
                           y + sin(a) * far + r * 0.14);
        }
        cairo_set_line_width(p->cr, 2);
        cairo_set_line_cap(p->cr, CAIRO_LINE_CAP_ROUND);
        paint_rgb(p, rgb_mix(of, RGB(0xffffff), 0.3), 0.95);
        cairo_stroke(p->cr);
    }
}

void thing_rainbow(Painting *p) {
    static const Rgb bands[] = {{0.86, 0.25, 0.25}, {0.95, 0.58, 0.2}, {0.98, 0.86, 0.32},
                                {0.4, 0.75, 0.4},   {0.3, 0.55, 0.85}, {0.5, 0.35, 0.7}};
    double x = PAINT_W * (p->light.sun_x > 0.5 ? 0.3 : 0.7);
    cairo_set_line_width(p->cr, 12.5);
    for (int i = 0; i < COUNT(bands); i++) {
        cairo_new_sub_path(p->cr);
        cairo_arc(p->cr, x, p->horizon + 60, 500 - 12 * i, M_PI, 2 * M_PI);
        paint_rgb(p, bands[i], 0.34);
        cairo_stroke(p->cr);
    }
}

void thing_kite(Painting *p, double x, double y, double foot_x, double foot_y) {
    cairo_move_to(p->cr, x, y);
    cairo_curve_to(p->cr, x - 40, y + 120, foot_x + 50, foot_y - 120, foot_x, foot_y);
    cairo_set_line_width(p->cr, 1.3);
    paint_rgb(p, paint_shade(p, RGB(0x55504e), 0.4, 0.2), 0.8);
    cairo_stroke(p->cr);
    const double kite[] = {x - 26, y - 6, x + 4, y - 40, x + 32, y + 2, x - 4, y + 44};
    path_poly(p, kite, 4);
    paint_fill(p, p->hand.accent, 0.05);
    const double half[] = {x + 4, y - 40, x + 32, y + 2, x - 4, y + 44};
    path_poly(p, half, 3);
    paint_fill_lit(p, RGB(0xf2c14e), 0.8, 0.05);
}

void thing_snowman(Painting *p, double x, double foot, double h) {
    static const double balls[][2] = {{0.24, 0.27}, {0.58, 0.2}, {0.84, 0.145}};
    for (int i = 0; i < 3; i++) {
        path_oval(p, x, foot - balls[i][0] * h, balls[i][1] * h, balls[i][1] * h * 0.95);
        paint_fill(p, RGB(0xf8faff), 0);
    }
    path_box(p, x - h * 0.16, foot - h * 0.97, h * 0.32, h * 0.035);
    path_box(p, x - h * 0.1, foot - h * 1.13, h * 0.2, h * 0.17);
    paint_fill(p, RGB(0x33323a), 0);
    path_round_box(p, x - h * 0.16, foot - h * 0.75, h * 0.32, h * 0.06, h * 0.025);
    paint_fill(p, p->hand.accent, 0);
    const double nose[] = {x, foot - h * 0.86, x + h * 0.14, foot - h * 0.83, x, foot - h * 0.81};
    path_poly(p, nose, 3);
    paint_fill(p, RGB(0xe8842c), 0);
    for (int i = 0; i < 2; i++)
        path_oval(p, x + (i ? 0.05 : -0.05) * h, foot - h * 0.88, h * 0.013, h * 0.013);
    paint_plain(p, RGB(0x2b2830), 1);
    for (int i = 0; i < 2; i++) {
        double s = i ? 1 : -1;
        path_line(p, x + s * h * 0.17, foot - h * 0.6, x + s * h * 0.42, foot - h * 0.76);
        paint_stroke(p, RGB(0x5d4638), h * 0.02, 0);
    }
}
