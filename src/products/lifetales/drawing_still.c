/* SPDX-License-Identifier: Apache-2.0
 * What lies on the table of a drawing. */
#include <math.h>

#include "products/lifetales/drawing_paint.h"

static void still_shade(Painting *p, double x, double foot, double w) {
    cairo_save(p->cr);
    cairo_translate(p->cr, x + (p->light.sun_x > 0.5 ? -1 : 1) * w * 0.2, foot);
    cairo_scale(p->cr, 1, 0.2);
    paint_spot(p, 0, 0, w * 0.85, rgb_scale(p->light.air, 0.25), 0.6);
    cairo_restore(p->cr);
}

void still_candle(Painting *p, double x, double foot, double h) {
    path_round_box(p, x - h * 0.1, foot - h * 0.66, h * 0.2, h * 0.66, h * 0.03);
    paint_fill(p, RGB(0xf6efdc), 0);
    path_text(p, "M 0 0 C -0.5 -0.2 -0.3 -0.6 0 -1 C 0.3 -0.6 0.5 -0.2 0 0 Z", x, foot - h * 0.68,
              h * 0.24, 1);
    paint_plain(p, RGB(0xffd36b), 1);
    paint_glow(p, x, foot - h * 0.8, h * (p->light.lamps ? 2.6 : 1.1), RGB(0xffb04a),
               p->light.lamps ? 0.65 : 0.3);
}

void still_bouquet(Painting *p, double x, double foot, double h) {
    const Rgb colours[] = {p->hand.accent, RGB(0xf7f0e4), RGB(0xf2c14e), RGB(0xe79ab0),
                           p->hand.accent2};
    still_shade(p, x, foot, h * 0.4);
    for (int i = 0; i < 15; i++) {
        double a = -M_PI / 2 + (i - 7) * 0.17, r = h * chance_in(p, 0.5, 0.66),
               fx = x + cos(a) * r * 0.8, fy = foot - h * 0.36 + sin(a) * r;
        cairo_move_to(p->cr, x, foot - h * 0.3);
        cairo_curve_to(p->cr, x, foot - h * 0.5, fx, fy + r * 0.4, fx, fy);
        cairo_set_line_width(p->cr, 3);
        paint_rgb(p, paint_shade(p, p->hand.leaf, 0.5, 0), 1);
        cairo_stroke(p->cr);
        path_text(p, "M 0 0 C 0.4 -0.3 0.8 -0.3 1 0 C 0.7 0.2 0.3 0.2 0 0 Z", (x + fx) / 2,
                  (foot - h * 0.4 + fy) / 2, h * 0.13, i % 2 ? 1 : -1);
        paint_fill(p, p->hand.leaf2, 0);
    }
    for (int i = 0; i < 15; i++) {
        double a = -M_PI / 2 + (((i * 4) % 15) - 7) * 0.17, r = h * chance_in(p, 0.42, 0.66),
               s = h * chance_in(p, 0.055, 0.085);
        double fx = x + cos(a) * r * 0.8, fy = foot - h * 0.36 + sin(a) * r;
        Rgb of = colours[chance_of(p, COUNT(colours))];
        for (int k = 0; k < 6; k++)
            path_oval(p, fx + cos(k * 1.05) * s * 0.62, fy + sin(k * 1.05) * s * 0.6, s * 0.52,
                      s * 0.5);
        paint_fill(p, of, 0);
        path_oval(p, fx, fy, s * 0.34, s * 0.32);
        paint_plain(p, paint_shade(p, RGB(0xd99a2b), 0.7, 0), 1);
    }
    path_text(p,
              "M -0.3 -1 C -0.2 -0.8 -0.5 -0.6 -0.46 -0.3 C -0.44 -0.1 -0.36 0 -0.24 0 L 0.24 0 C "
              "0.36 0 0.44 -0.1 0.46 -0.3 C 0.5 -0.6 "
              "0.2 -0.8 0.3 -1 Z",
              x, foot, h * 0.38, 1);
    paint_fill(p, rgb_mix(p->hand.accent2, RGB(0xffffff), 0.35), 0);
}

void still_book(Painting *p, double x, double foot, double w) { /* open */
    still_shade(p, x, foot, w * 0.6);
    path_text(p, "M -1.04 0 L -0.9 -0.42 L 0.9 -0.42 L 1.04 0 Z", x, foot + 3, w / 2, 1);
    paint_fill(p, p->hand.accent, 0);
    for (int side = -1; side <= 1; side += 2) {
        path_text(p,
                  "M 0 -0.02 C 0.2 -0.14 0.7 -0.12 0.98 -0.02 L 0.86 -0.44 C 0.6 -0.52 0.2 -0.52 0 "
                  "-0.42 Z",
                  x, foot, w / 2, side);
        paint_fill(p, RGB(0xfaf4e4), 0);
        for (int i = 0; i < 6; i++) {
            double y = foot - w / 2 * (0.12 + 0.05 * i), in = w / 2 * 0.1,
                   out = w / 2 * (0.86 - 0.015 * i);
            path_line(p, x + side * in, y - 3, x + side * out, y - 1);
        }
        cairo_set_line_width(p->cr, 1.6);
        paint_rgb(p, paint_shade(p, RGB(0x8b8378), 0.4, 0), 0.6);
        cairo_stroke(p->cr);
    }
}

static void still_letter(Painting *p, double x, double foot, double w) {
    still_shade(p, x, foot, w * 0.6);
    const double sheet[] = {x - w * 0.5, foot - 4,        x - w * 0.34, foot - w * 0.4,
                            x + w * 0.2, foot - w * 0.44, x + w * 0.1,  foot - 2};
    path_poly(p, sheet, 4);
    paint_fill(p, RGB(0xfbf6ea), 0);
    for (int i = 0; i < 6; i++) {
        double t = 0.14 + 0.13 * i, y = foot - w * 0.42 * (1 - t) - 3,
               a = x - w * (0.32 + 0.14 * t), b = x + w * (0.14 - 0.08 * t - (i == 5 ? 0.2 : 0));
        cairo_move_to(p->cr, a, y);
        for (double lx = a; lx < b; lx += 9) cairo_rel_curve_to(p->cr, 2, -3, 5, 3, 9, 0);
    }
    cairo_set_line_width(p->cr, 1.5);
    paint_rgb(p, RGB(0x3a4a78), 0.75);
    cairo_stroke(p->cr);
    const double cover[] = {x + w * 0.12, foot + 8,        x + w * 0.24, foot - w * 0.22,
                            x + w * 0.72, foot - w * 0.18, x + w * 0.66, foot + 14};
    path_poly(p, cover, 4);
    paint_fill(p, RGB(0xe9d8b8), 0);
    cairo_move_to(p->cr, x + w * 0.24, foot - w * 0.22);
    cairo_line_to(p->cr, x + w * 0.44, foot - w * 0.04);
    cairo_line_to(p->cr, x + w * 0.72, foot - w * 0.18);
    cairo_set_line_width(p->cr, 2);
    paint_rgb(p, paint_shade(p, RGB(0x8a7350), 0.4, 0), 0.8);
    cairo_stroke(p->cr);
    path_oval(p, x + w * 0.44, foot - w * 0.05, 9, 8);
    paint_fill(p, p->hand.accent, 0);
    path_line(p, x + w * 0.02, foot - w * 0.06, x - w * 0.2, foot - w * 0.36);
    paint_stroke(p, RGB(0x33303a), 5, 0);
}

static void still_cake(Painting *p, double x, double foot, double w) {
    still_shade(p, x, foot, w * 0.7);
    path_oval(p, x, foot - 4, w * 0.62, w * 0.1);
    paint_fill(p, RGB(0xeee9e2), 0);
    for (int tier = 0; tier < 2; tier++) {
        double tw = w * (tier ? 0.66 : 1), y = foot - 8 - tier * w * 0.27, h = w * 0.27;
        path_round_box(p, x - tw / 2, y - h, tw, h, 9);
        paint_fill(p, tier ? RGB(0xf9ead9) : RGB(0xf4c9c4), 0);
        path_oval(p, x, y - h, tw / 2, w * 0.055);
        paint_fill(p, RGB(0xfdf6ee), 0);
        for (int i = 0; i < 9; i++) {
            double dx = x - tw / 2 + tw * (i + 0.5) / 9;
            path_round_box(p, dx - tw * 0.04, y - h, tw * 0.08, h * (0.24 + 0.2 * (i % 3) / 2.0),
                           tw * 0.035);
        }
        paint_plain(p, paint_shade(p, RGB(0xfdf6ee), 0.8, 0), 1);
    }
    for (int i = 0; i < 5; i++)
        still_candle(p, x - w * 0.2 + w * 0.1 * i, foot - w * 0.54 - (i % 2) * 3, w * 0.26);
}

static void still_cup(Painting *p, double x, double foot, double w) {
    still_shade(p, x, foot, w * 0.7);
    path_oval(p, x, foot, w * 0.72, w * 0.13);
    paint_fill(p, RGB(0xf5efe4), 0);
    cairo_new_sub_path(p->cr);
    cairo_arc(p->cr, x + w * 0.46, foot - w * 0.34, w * 0.17, 0, 2 * M_PI);
    cairo_set_line_width(p->cr, w * 0.08);
    paint_rgb(p, paint_shade(p, p->hand.accent2, 0.5, 0), 1);
    cairo_stroke(p->cr);
    path_text(
        p,
        "M -0.46 -0.6 C -0.46 -0.2 -0.34 -0.02 -0.2 0 L 0.2 0 C 0.34 -0.02 0.46 -0.2 0.46 -0.6 Z",
        x, foot - 3, w, 1);
    paint_fill(p, p->hand.accent2, 0);
    path_oval(p, x, foot - w * 0.6 - 3, w * 0.46, w * 0.1);
    paint_fill(p, RGB(0x5d3a28), 0);
    for (int i = 0; i < 6; i++)
        paint_spot(p, x + 8 * sin(i * 1.1), foot - w * 0.8 - w * 0.2 * i, w * (0.14 + 0.035 * i),
                   RGB(0xffffff), 0.24);
}

static void still_bread(Painting *p, double x, double foot, double w) {
    still_shade(p, x, foot, w * 0.6);
    path_round_box(p, x - w * 0.56, foot - w * 0.06, w * 1.12, w * 0.09, 5);
    paint_fill(p, RGB(0x9a6d42), 0);
    path_text(p, "M -0.5 0 C -0.6 -0.3 -0.3 -0.42 0 -0.42 C 0.3 -0.42 0.6 -0.3 0.5 0 Z", x,
              foot - w * 0.05, w, 1);
    paint_fill(p, RGB(0xc98a44), 0);
    for (int i = 0; i < 4; i++) {
        cairo_move_to(p->cr, x - w * 0.3 + w * 0.18 * i, foot - w * 0.16);
        cairo_rel_curve_to(p->cr, w * 0.02, -w * 0.1, w * 0.06, -w * 0.16, w * 0.11, -w * 0.2);
    }
    cairo_set_line_width(p->cr, w * 0.04);
    paint_rgb(p, paint_shade(p, RGB(0xf0d39a), 0.7, 0), 0.9);
    cairo_stroke(p->cr);
}

static void still_fruit(Painting *p, double x, double foot, double w) {
    const Rgb of[] = {RGB(0xcf3f32), RGB(0xe9a23b), RGB(0x93a83f), RGB(0xd9603a), RGB(0xe6b84a)};
    still_shade(p, x, foot, w * 0.6);
    for (int i = 0; i < 7; i++) {
        double fx = x + w * (i < 4 ? -0.33 + 0.22 * i : -0.2 + 0.2 * (i - 4)),
               fy = foot - w * (i < 4 ? 0.4 : 0.56);
        path_oval(p, fx, fy, w * 0.13, w * 0.125);
        paint_fill(p, of[i % COUNT(of)], 0);
        path_oval(p, fx - w * 0.04, fy - w * 0.045, w * 0.03, w * 0.022);
        paint_plain(p, RGB(0xffffff), 0.35);
    }
    path_text(p,
              "M -0.52 -0.36 C -0.46 -0.1 -0.26 -0.03 -0.16 0 L 0.16 0 C 0.26 -0.03 0.46 -0.1 0.52 "
              "-0.36 Z",
              x, foot, w, 1);
    paint_fill(p, p->hand.accent2, 0);
}

static void still_bottle(Painting *p, double x, double foot, double h) {
    still_shade(p, x, foot, h * 0.3);
    path_text(p,
              "M -0.14 0 L -0.14 -0.52 C -0.14 -0.66 -0.05 -0.66 -0.05 -0.78 L -0.05 -1 L 0.05 -1 "
              "L 0.05 -0.78 C 0.05 -0.66 0.14 -0.66 0.14 "
              "-0.52 L 0.14 0 Z",
              x, foot, h, 1);
    paint_fill(p, RGB(0x3f5b3c), 0);
    path_box(p, x - h * 0.14, foot - h * 0.4, h * 0.28, h * 0.22);
    paint_fill(p, RGB(0xf3e8cd), 0);
    for (int i = 0; i < 2; i++) { /* glasses */
        double gx = x + h * (0.34 + 0.26 * i);
        path_line(p, gx, foot, gx, foot - h * 0.26);
        paint_stroke(p, RGB(0xdde6ea), 3, 0);
        path_text(p, "M -0.5 -1 C -0.5 -0.3 -0.2 0 0 0 C 0.2 0 0.5 -0.3 0.5 -1 Z", gx,
                  foot - h * 0.22, h * 0.2, 1);
        paint_plain(p, paint_shade(p, RGB(0x8f2338), 0.6, 0), 0.85);
        path_oval(p, gx, foot, h * 0.07, h * 0.018);
        paint_plain(p, paint_shade(p, RGB(0xdde6ea), 0.7, 0), 0.9);
    }
}

static void still_camera(Painting *p, double x, double foot, double w) {
    still_shade(p, x, foot, w * 0.7);
    for (int i = 0; i < 3; i++) { /* photographs under it */
        cairo_save(p->cr);
        cairo_translate(p->cr, x - w * 0.7 + w * 0.34 * i, foot - 4);
        cairo_rotate(p->cr, -0.3 + 0.26 * i);
        path_box(p, -w * 0.24, -w * 0.24, w * 0.5, w * 0.34);
        paint_fill(p, RGB(0xfaf6ee), 0);
        path_box(p, -w * 0.2, -w * 0.21, w * 0.42, w * 0.24);
        paint_plain(p, paint_shade(p, i % 2 ? p->hand.accent2 : p->hand.leaf2, 0.6, 0), 1);
        cairo_restore(p->cr);
    }
    path_round_box(p, x - w * 0.1, foot - w * 0.52, w * 0.8, w * 0.5, w * 0.07);
    path_box(p, x + w * 0.14, foot - w * 0.6, w * 0.3, w * 0.1);
    paint_fill(p, RGB(0x4a4548), 0);
    static const double rings[] = {0.2, 0.15, 0.09};
    const Rgb of[] = {RGB(0xbdb8b0), RGB(0x2d2c33), RGB(0x5d7a9a)};
    for (int i = 0; i < 3; i++) {
        path_oval(p, x + w * 0.3, foot - w * 0.26, rings[i] * w, rings[i] * w);
        paint_fill(p, of[i], 0);
    }
}

static void still_gift(Painting *p, double x, double foot, double w) {
    still_shade(p, x, foot, w * 0.7);
    path_box(p, x - w / 2, foot - w * 0.62, w, w * 0.62);
    paint_fill(p, p->hand.accent, 0);
    path_box(p, x - w * 0.56, foot - w * 0.72, w * 1.12, w * 0.16);
    paint_fill(p, rgb_mix(p->hand.accent, RGB(0xffffff), 0.12), 0);
    path_box(p, x - w * 0.08, foot - w * 0.72, w * 0.16, w * 0.72);
    paint_fill(p, RGB(0xf3d488), 0);
    for (int s = -1; s <= 1; s += 2) {
        path_text(p, "M 0 0 C 0.1 -0.3 0.4 -0.34 0.44 -0.16 C 0.44 0 0.2 0.02 0 0 Z", x,
                  foot - w * 0.72, w, s);
        paint_fill(p, RGB(0xf3d488), 0);
    }
}

static void still_telephone(Painting *p, double x, double foot, double w) {
    still_shade(p, x, foot, w * 0.6);
    path_text(p, "M -0.5 0 L -0.34 -0.5 L 0.34 -0.5 L 0.5 0 Z", x, foot, w, 1);
    paint_fill(p, RGB(0x3d3a40), 0);
    path_oval(p, x, foot - w * 0.2, w * 0.17, w * 0.14);
    paint_fill(p, RGB(0xf0e9da), 0);
    path_text(p,
              "M -0.6 -0.42 C -0.6 -0.72 -0.4 -0.72 -0.34 -0.6 L 0.34 -0.6 C 0.4 -0.72 0.6 -0.72 "
              "0.6 -0.42 L 0.4 -0.42 C 0.36 -0.54 -0.36 "
              "-0.54 -0.4 -0.42 Z",
              x, foot, w, 1);
    paint_fill(p, RGB(0x3d3a40), 0);
}

static void still_radio(Painting *p, double x, double foot, double w) {
    still_shade(p, x, foot, w * 0.7);
    path_round_box(p, x - w / 2, foot - w * 0.62, w, w * 0.62, w * 0.1);
    paint_fill(p, RGB(0x8a5a36), 0);
    path_round_box(p, x - w * 0.42, foot - w * 0.52, w * 0.5, w * 0.42, w * 0.06);
    paint_fill(p, RGB(0xd8c29a), 0);
    for (int i = 0; i < 2; i++) {
        path_oval(p, x + w * 0.28, foot - w * (0.16 + 0.26 * i), w * 0.08, w * 0.08);
        paint_fill(p, RGB(0xf0e4c8), 0);
    }
}

void still_guitar(Painting *p, double x, double foot, double h) {
    cairo_save(p->cr);
    cairo_translate(p->cr, x, foot);
    cairo_rotate(p->cr, 0.2);
    path_box(p, -h * 0.03, -h, h * 0.06, h * 0.6);
    path_round_box(p, -h * 0.05, -h * 1.1, h * 0.1, h * 0.14, h * 0.02);
    paint_fill(p, RGB(0x5d3d2a), 0);
    path_text(p,
              "M 0 0 C -0.3 0 -0.3 -0.26 -0.16 -0.3 C -0.1 -0.34 -0.22 -0.4 -0.16 -0.5 C -0.1 "
              "-0.58 0.1 -0.58 0.16 -0.5 C 0.22 -0.4 0.1 -0.34 "
              "0.16 -0.3 C 0.3 -0.26 0.3 0 0 0 Z",
              0, 0, h, 1);
    paint_fill(p, RGB(0xc9823c), 0);
    path_oval(p, 0, -h * 0.33, h * 0.065, h * 0.065);
    paint_fill(p, RGB(0x3a2620), 0);
    path_box(p, -h * 0.075, -h * 0.14, h * 0.15, h * 0.025);
    paint_fill(p, RGB(0x3a2620), 0);
    for (int i = 0; i < 4; i++)
        path_line(p, -h * 0.018 + h * 0.012 * i, -h * 1.02, -h * 0.03 + h * 0.02 * i, -h * 0.13);
    cairo_set_line_width(p->cr, 1);
    paint_rgb(p, RGB(0xf0e6d0), 0.7);
    cairo_stroke(p->cr);
    cairo_restore(p->cr);
}

void still_paint(Painting *p, double x0, double x1, double y) {
    static const struct {
        Thing thing;
        void (*draw)(Painting *p, double x, double foot, double size);
        double size;
    } all[] = {
        {THING_CAKE, still_cake, 190},       {THING_LETTER, still_letter, 210},
        {THING_BOOK, still_book, 230},       {THING_BOUQUET, still_bouquet, 250},
        {THING_FLOWERS, still_bouquet, 250}, {THING_BOTTLE, still_bottle, 200},
        {THING_BREAD, still_bread, 170},     {THING_FRUIT, still_fruit, 170},
        {THING_CAMERA, still_camera, 150},   {THING_GIFT, still_gift, 120},
        {THING_RADIO, still_radio, 170},     {THING_TELEPHONE, still_telephone, 130},
        {THING_CANDLE, still_candle, 100},   {THING_CUP, still_cup, 92},
    };
    int chosen[8], count = 0;
    for (int i = 0; i < COUNT(all) && count < 5; i++)
        if (p->scene->has[all[i].thing] &&
            !(all[i].thing == THING_FLOWERS && p->scene->has[THING_BOUQUET]))
            chosen[count++] = i;
    static const int company[] = {13, 7, 3, 2}; /* a table is never bare */
    for (int k = 0; k < COUNT(company) && count < 3; k++) {
        bool there = p->scene->has[all[company[k]].thing] > 0;
        if (!there) chosen[count++] = company[k];
    }
    for (int i = 0; i < count; i++) { /* the first one named goes to the middle */
        static const double spots[5][5] = {{0.5},
                                           {0.4, 0.68},
                                           {0.5, 0.82, 0.18},
                                           {0.42, 0.66, 0.14, 0.88},
                                           {0.5, 0.27, 0.72, 0.07, 0.93}};
        double t = spots[count - 1][i], back = i % 2 ? -14 : 16;
        all[chosen[i]].draw(p, x0 + (x1 - x0) * t, y + back,
                            all[chosen[i]].size * (i == 0 ? 1.12 : 0.9));
    }
}
