/* SPDX-License-Identifier: Apache-2.0
 * Rooms: a wall with a window through which the view out of doors is seen, a floor, and what the words ask
 * for: a table with things on it, a hearth, a stove, shelves, a bed, a lamp, somebody in a chair. Light
 * comes from the window by day, from lamp and fire by night. */
#include <math.h>

#include "products/lifetales/drawing_paint.h"

static bool has(const Painting *p, Thing thing) { return p->scene->has[thing] > 0; }
static bool dark(const Painting *p) { return p->light.lamps; }

enum { FLOOR = 690 };

static void wall(Painting *p) {
    bool kitchen = has(p, THING_STOVE);
    Rgb of = rgb_mix(p->hand.wall2, p->hand.cloth, 0.3),
        low = rgb_mix(p->hand.accent2, p->hand.wall, kitchen ? 0.25 : 0.5);
    path_box(p, 0, 0, PAINT_W, FLOOR);
    paint_down(p, 0, FLOOR, paint_shade(p, of, dark(p) ? 0.1 : 0.45, 0), 1,
               paint_shade(p, of, dark(p) ? 0.35 : 0.7, 0), 1);
    if (kitchen) { /* tiles */
        for (int i = 0; i < 26; i++)
            for (int k = 0; k < 4; k++) path_box(p, i * 48 + 2, 330 + k * 48 + 2, 44, 44);
        paint_plain(p, paint_shade(p, rgb_mix(of, RGB(0xffffff), 0.5), 0.6, 0), 0.55);
    } else if (chance_mix(p->scene->look, 81) % 2) { /* paper with stripes */
        for (int i = 0; i < 30; i++) path_box(p, i * 42, 0, 16, FLOOR);
        paint_plain(p, paint_shade(p, rgb_mix(of, p->hand.accent, 0.2), 0.5, 0), 0.28);
    }
    path_box(p, 0, FLOOR - 130, PAINT_W, 130);
    paint_fill_lit(p, low, dark(p) ? 0.2 : 0.5, 0);
    for (int i = 0; i < 13; i++) path_box(p, i * 96 + 10, FLOOR - 112, 76, 84);
    paint_plain(p, paint_shade(p, rgb_scale(low, 0.93), 0.45, 0), 0.8);
    path_box(p, 0, FLOOR - 134, PAINT_W, 9);
    paint_fill_lit(p, rgb_mix(low, RGB(0xffffff), 0.3), 0.7, 0);
}

static void ground(Painting *p) {
    path_box(p, 0, FLOOR, PAINT_W, PAINT_H - FLOOR);
    Rgb wood = rgb_mix(RGB(0xa9794f), p->hand.earth, 0.4);
    paint_down(p, FLOOR, PAINT_H, paint_shade(p, wood, 0.35, 0), 1, paint_shade(p, wood, 0.75, 0),
               1);
    for (int i = -14; i <= 14; i++) {
        cairo_move_to(p->cr, PAINT_W / 2.0 + i * 62, FLOOR);
        cairo_line_to(p->cr, PAINT_W / 2.0 + i * 128, PAINT_H);
    }
    cairo_set_line_width(p->cr, 2);
    paint_rgb(p, paint_shade(p, rgb_scale(wood, 0.6), 0.3, 0), 0.7);
    cairo_stroke(p->cr);
    cairo_save(p->cr); /* a rug */
    cairo_translate(p->cr, PAINT_W * 0.5, PAINT_H - 74);
    cairo_scale(p->cr, 1, 0.2);
    static const double rings[] = {430, 395, 330, 300};
    const Rgb of[] = {p->hand.accent, p->hand.cloth, p->hand.accent2, p->hand.cloth};
    for (int i = 0; i < COUNT(rings); i++) {
        path_oval(p, 0, 0, rings[i], rings[i]);
        paint_plain(p, paint_shade(p, of[i], 0.55, 0), 1);
    }
    cairo_restore(p->cr);
}

/* The view is on the paper already, at full size; here it goes behind the panes. */
static void window(Painting *p, cairo_surface_t *view, double x, double y, double w, double h) {
    path_box(p, x - 16, y - 16, w + 32, h + 32);
    paint_fill(p, RGB(0xf3ecdf), 0);
    cairo_save(p->cr);
    cairo_rectangle(p->cr, x, y, w, h);
    cairo_clip(p->cr);
    double scale = fmax(w / PAINT_W, h / PAINT_H) * 1.04;
    cairo_translate(p->cr, x + w / 2 - PAINT_W * scale / 2, y + h / 2 - PAINT_H * scale * 0.5);
    cairo_scale(p->cr, scale, scale);
    cairo_set_source_surface(p->cr, view, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(p->cr), CAIRO_FILTER_GOOD);
    cairo_paint(p->cr);
    cairo_restore(p->cr);
    path_box(p, x + w / 2 - 6, y, 12, h);
    path_box(p, x, y + h * 0.42, w, 9);
    paint_fill(p, RGB(0xf3ecdf), 0);
    path_round_box(p, x - 34, y + h + 12, w + 68, 20, 3);
    paint_fill(p, RGB(0xeee5d6), 0);
    for (int side = 0; side < 2; side++) { /* curtains */
        double cx = side ? x + w + 20 : x - 20, way = side ? 1 : -1;
        cairo_move_to(p->cr, cx - way * 44, y - 40);
        cairo_curve_to(p->cr, cx - way * 40, y + h * 0.4, cx - way * 2, y + h * 0.5, cx + way * 6,
                       y + h * 0.62);
        cairo_curve_to(p->cr, cx - way * 16, y + h * 0.8, cx - way * 18, y + h, cx - way * 14,
                       y + h + 74);
        cairo_line_to(p->cr, cx + way * 58, y + h + 74);
        cairo_line_to(p->cr, cx + way * 64, y - 40);
        cairo_close_path(p->cr);
        paint_fill(p, p->hand.cloth, 0);
        for (int i = 0; i < 3; i++) {
            cairo_move_to(p->cr, cx + way * (6 + 17 * i), y - 36);
            cairo_curve_to(p->cr, cx + way * (10 + 15 * i), y + h * 0.4, cx + way * (12 + 15 * i),
                           y + h * 0.6, cx + way * (6 + 15 * i), y + h + 70);
        }
        cairo_set_line_width(p->cr, 3);
        paint_rgb(p, paint_shade(p, rgb_scale(p->hand.cloth, 0.78), 0.4, 0), 0.6);
        cairo_stroke(p->cr);
    }
    path_round_box(p, x - 100, y - 52, w + 200, 10, 5);
    paint_fill(p, RGB(0x7a5a40), 0);
}

/* What the sun lays on wall and floor. */
static void sunbeam(Painting *p, double x, double y, double w, double h) {
    if (dark(p) || p->scene->weather == WEATHER_RAIN || p->scene->weather == WEATHER_FOG ||
        p->scene->weather == WEATHER_SNOW)
        return;
    double way = x + w / 2 > PAINT_W / 2.0 ? -1 : 1, slant = way * 260;
    cairo_save(p->cr);
    cairo_set_operator(p->cr, CAIRO_OPERATOR_SCREEN);
    for (int i = 0; i < 2; i++) {
        double a = x + (i ? w * 0.53 : 0), b = a + w * 0.47;
        const double patch[] = {a + slant * 0.75, FLOOR + 14,   b + slant * 0.75, FLOOR + 14,
                                b + slant * 1.3,  PAINT_H - 20, a + slant * 1.3,  PAINT_H - 20};
        path_poly(p, patch, 4);
        paint_plain(p, p->light.sun, 0.22);
        const double beam[] = {a,           y, b, y, b + slant * 1.3, PAINT_H - 20, a + slant * 1.1,
                               PAINT_H - 20};
        path_poly(p, beam, 4);
        paint_down(p, y, PAINT_H, p->light.sun, 0.09, p->light.sun, 0);
    }
    cairo_restore(p->cr);
    (void)h;
}

static void shelf(Painting *p, double x, double y, double w, int rows) {
    double h = rows * 104.0;
    path_box(p, x, y, w, h);
    paint_fill_lit(p, RGB(0x6f4e36), 0.15, 0);
    const Rgb spines[] = {p->hand.accent, p->hand.accent2, RGB(0xd8c7a4), RGB(0x55656c),
                          RGB(0x8a4b3c),  RGB(0x7b8a5a),   RGB(0x3d4460)};
    for (int r = 0; r < rows; r++) {
        double foot = y + 104 * (r + 1) - 10;
        for (double bx = x + 12; bx < x + w - 28;) {
            double bw = chance_in(p, 10, 26), bh = chance_in(p, 54, 84);
            if (chance(p) < 0.07) {
                bx += 30;
                continue;
            }
            path_box(p, bx, foot - bh, bw, bh);
            paint_fill(p, spines[chance_of(p, COUNT(spines))], 0);
            path_box(p, bx + bw * 0.2, foot - bh * 0.8, bw * 0.6, 3);
            paint_plain(p, paint_shade(p, RGB(0xe9d9ae), 0.7, 0), 0.8);
            bx += bw + 1;
        }
        path_box(p, x, foot, w, 10);
        paint_fill(p, RGB(0x8a6445), 0);
    }
    path_box(p, x - 6, y - 10, w + 12, 12);
    paint_fill(p, RGB(0x8a6445), 0);
}

static void hearth(Painting *p, double x) {
    path_box(p, x - 150, 330, 300, FLOOR - 320);
    paint_fill(p, rgb_mix(p->hand.rock, p->hand.wall, 0.55), 0);
    path_round_box(p, x - 172, 312, 344, 30, 5);
    paint_fill(p, RGB(0x7d5a3e), 0);
    cairo_move_to(p->cr, x - 100, FLOOR + 8);
    cairo_line_to(p->cr, x - 100, 480);
    cairo_curve_to(p->cr, x - 100, 400, x + 100, 400, x + 100, 480);
    cairo_line_to(p->cr, x + 100, FLOOR + 8);
    cairo_close_path(p->cr);
    paint_fill_lit(p, RGB(0x2b211f), 0.2, 0);
    thing_bonfire(p, x, FLOOR - 4, 110);
    still_candle(p, x - 120, 312, 52);
    path_round_box(p, x - 40, 200, 84, 96, 4); /* a picture */
    paint_fill(p, RGB(0xa27b46), 0);
    path_box(p, x - 31, 209, 66, 78);
    paint_plain(p, paint_shade(p, rgb_mix(p->hand.leaf2, p->light.mid, 0.5), 0.6, 0), 1);
    if (has(p, THING_CLOCK)) {
        path_oval(p, x + 96, 278, 30, 30);
        paint_fill(p, RGB(0xf4ecd8), 0);
        path_line(p, x + 96, 278, x + 96, 258);
        path_line(p, x + 96, 278, x + 110, 284);
        paint_stroke(p, RGB(0x33302f), 2.6, 0);
    }
}

static void stove(Painting *p, double x) {
    path_box(p, x - 250, 512, 500, 26);
    paint_fill(p, RGB(0xb98a5c), 0);
    path_box(p, x - 240, 538, 480, FLOOR - 528);
    paint_fill(p, rgb_mix(p->hand.accent2, p->hand.wall, 0.35), 0);
    for (int i = 0; i < 4; i++) {
        path_round_box(p, x - 230 + 120 * i, 556, 104, FLOOR - 580, 4);
        paint_fill(p, rgb_mix(p->hand.accent2, p->hand.wall, 0.5), 0);
        path_oval(p, x - 140 + 120 * i, 620, 5, 5);
        paint_plain(p, paint_shade(p, RGB(0xd8b25a), 0.8, 0), 1);
    }
    path_round_box(p, x - 190, 462, 96, 52, 9); /* a pot, steaming */
    path_round_box(p, x - 206, 470, 128, 9, 4);
    paint_fill(p, p->hand.accent, 0);
    for (int i = 0; i < 6; i++)
        paint_spot(p, x - 144 + 9 * sin(i * 1.3), 444 - 24 * i, 16 + 5 * i, RGB(0xffffff), 0.2);
    for (int i = 0; i < 5; i++) { /* pans on the wall */
        double px = x - 210 + 78 * i, r = 22 - 2.4 * (i % 3);
        path_line(p, px, 262, px, 306);
        paint_stroke(p, RGB(0x5d4a3c), 5, 0);
        path_oval(p, px, 306 + r, r, r);
        paint_fill(p, RGB(0xc07a4a), 0);
    }
    path_round_box(p, x - 250, 252, 420, 9, 4);
    paint_fill(p, RGB(0x7d5a3e), 0);
    for (int i = 0; i < 3; i++) { /* jars */
        path_round_box(p, x + 40 + 56 * i, 460 + 6 * i, 40, 52 - 6 * i, 7);
        paint_fill(p, i == 1 ? RGB(0xd9a24a) : p->hand.cloth, 0);
    }
}

static void bed(Painting *p, double x) {
    path_round_box(p, x - 280, 470, 60, FLOOR - 420, 14);
    paint_fill(p, RGB(0x8a6242), 0);
    path_round_box(p, x - 240, 600, 560, 130, 22);
    paint_fill(p, RGB(0xf5efe4), 0);
    path_round_box(p, x - 226, 556, 150, 70, 30);
    paint_fill(p, RGB(0xfbf8f1), 0);
    cairo_move_to(p->cr, x - 100, 600);
    cairo_curve_to(p->cr, x + 60, 570, x + 200, 590, x + 326, 606);
    cairo_line_to(p->cr, x + 330, 760);
    cairo_curve_to(p->cr, x + 200, 742, x - 20, 770, x - 128, 744);
    cairo_close_path(p->cr);
    paint_fill(p, p->hand.accent2, 0);
    for (int i = 0; i < 5; i++) {
        cairo_move_to(p->cr, x - 70 + 84 * i, 592);
        cairo_curve_to(p->cr, x - 80 + 84 * i, 640, x - 60 + 84 * i, 690, x - 84 + 88 * i, 748);
    }
    cairo_set_line_width(p->cr, 9);
    paint_rgb(p, paint_shade(p, p->hand.cloth, 0.6, 0), 0.8);
    cairo_stroke(p->cr);
}

static void armchair(Painting *p, double x, double facing) {
    double f = facing < 0 ? -1 : 1;
    path_round_box(p, x - 100, 470, 190, 230, 42);
    paint_fill(p, p->hand.accent2, 0);
    path_round_box(p, x - 92, 610, 190, 90, 24);
    paint_fill(p, rgb_mix(p->hand.accent2, RGB(0xffffff), 0.15), 0);
    for (int i = 0; i < 2; i++) {
        path_round_box(p, x + (i ? 74 : -122), 570, 44, 150, 20);
        paint_fill(p, rgb_scale(p->hand.accent2, 0.9), 0);
    }
    bool anybody = has(p, THING_WOMAN) || has(p, THING_MAN);
    if (anybody) figure_seated(p, x - f * 6, 640, 330, f);
    path_round_box(p, x - 96 + (f > 0 ? 0 : 150), 600, 36, 60, 14);
    paint_fill(p, p->hand.cloth, 0);
}

static void lamp(Painting *p, double x, double foot, double h) {
    path_line(p, x, foot, x, foot - h * 0.72);
    paint_stroke(p, RGB(0x6d5240), h * 0.02, 0);
    path_oval(p, x, foot, h * 0.13, h * 0.03);
    paint_fill(p, RGB(0x6d5240), 0);
    const double shade[] = {x - h * 0.1,  foot - h,       x + h * 0.1,  foot - h,
                            x + h * 0.19, foot - h * 0.7, x - h * 0.19, foot - h * 0.7};
    path_poly(p, shade, 4);
    if (!dark(p)) {
        paint_fill(p, p->hand.cloth, 0);
        return;
    }
    paint_plain(p, RGB(0xffe0a0), 1);
    paint_glow(p, x, foot - h * 0.8, h * 1.1, RGB(0xffb45a), 0.6);
    paint_glow(p, x, foot - h * 0.7, 300, RGB(0xffc46e), 0.35);
}

static void piano(Painting *p, double x) {
    path_round_box(p, x - 190, 440, 380, 260, 8);
    paint_fill(p, RGB(0x4a3430), 0);
    path_box(p, x - 200, 560, 400, 46);
    paint_fill(p, RGB(0x5c423a), 0);
    path_box(p, x - 184, 562, 368, 22);
    paint_plain(p, paint_shade(p, RGB(0xf8f4ea), 0.8, 0), 1);
    for (int i = 0; i < 32; i++)
        if (i % 7 != 2 && i % 7 != 6) path_box(p, x - 178 + 11.5 * i, 562, 6, 13);
    paint_plain(p, RGB(0x29242a), 1);
    path_box(p, x - 60, 470, 54, 66);
    path_box(p, x - 2, 470, 54, 66);
    paint_fill(p, RGB(0xf5efdf), 0);
}

static void tree_lit(Painting *p, double x) {
    path_round_box(p, x - 34, FLOOR - 10, 68, 64, 8);
    paint_fill(p, p->hand.accent, 0);
    tree_pine(p, x, FLOOR + 4, 470, 0);
    const Rgb balls[] = {RGB(0xe84a4a), RGB(0xf4c84a), RGB(0x6fb6e0), RGB(0xf2f0ea)};
    for (int i = 0; i < 40; i++) {
        double t = sqrt(chance(p)), y = FLOOR - 440 + 380 * t,
               bx = x + chance_in(p, -0.88, 0.88) * 104 * t;
        path_oval(p, bx, y, 6, 6);
        paint_plain(p, balls[i % COUNT(balls)], 1);
        if (i % 3 == 0) paint_glow(p, bx, y, 26, RGB(0xffd98a), 0.7);
    }
    paint_glow(p, x, FLOOR - 470, 40, RGB(0xfff2b8), 1);
    for (int i = 0; i < 3; i++) {
        path_box(p, x - 130 + 104 * i, FLOOR + 6, 76, 54 - 8 * i);
        paint_fill(p, i % 2 ? p->hand.accent2 : p->hand.accent, 0);
        path_box(p, x - 97 + 104 * i, FLOOR + 6, 10, 54 - 8 * i);
        paint_plain(p, paint_shade(p, RGB(0xf6e2a8), 0.8, 0), 1);
    }
}

static void table(Painting *p) {
    double top = 648, x0 = 210, x1 = PAINT_W - 210;
    for (int i = 0; i < 2; i++) path_box(p, i ? x1 - 74 : x0 + 44, top + 30, 30, PAINT_H - top);
    paint_fill(p, RGB(0x7d573a), 0);
    const double face[] = {x0 + 60, top - 44, x1 - 60, top - 44,
                           x1 + 20, top + 40, x0 - 20, top + 40};
    path_poly(p, face, 4);
    bool cloth =
        has(p, THING_TABLE) || has(p, THING_CAKE) || has(p, THING_BREAD) || has(p, THING_BOTTLE);
    paint_fill(p, cloth ? p->hand.cloth : RGB(0xb3804f), 0);
    if (cloth) {
        cairo_move_to(p->cr, x0 - 20, top + 40);
        for (int i = 0; i < 14; i++) {
            double a = x0 - 20 + (x1 - x0 + 40) * i / 14,
                   b = x0 - 20 + (x1 - x0 + 40) * (i + 1) / 14;
            cairo_curve_to(p->cr, a + 10, top + 112, b - 10, top + 112, b, top + 100);
        }
        cairo_line_to(p->cr, x1 + 20, top + 40);
        cairo_close_path(p->cr);
        paint_fill_lit(p, p->hand.cloth, 0.3, 0);
    } else {
        path_box(p, x0 - 20, top + 40, x1 - x0 + 40, 24);
        paint_fill_lit(p, RGB(0xb3804f), 0.25, 0);
    }
    still_paint(p, x0 + 70, x1 - 70, top + 6);
}

static void furniture(Painting *p, double window_x) {
    bool left = window_x > PAINT_W / 2.0; /* the free side */
    double free_x = left ? 250 : PAINT_W - 250, other = left ? PAINT_W - 150 : 150;
    if (has(p, THING_STOVE))
        stove(p, free_x + (left ? 20 : -20));
    else if (has(p, THING_HEARTH) ||
             (p->scene->season == SEASON_WINTER && !has(p, THING_BED) && !has(p, THING_PIANO)))
        hearth(p, free_x - (left ? 20 : -20));
    else if (has(p, THING_SHELF) || has(p, THING_BOOK))
        shelf(p, left ? 50 : PAINT_W - 390, 150, 340, 4);
    else if (has(p, THING_PIANO))
        piano(p, free_x);
    else if (has(p, THING_BED))
        bed(p, PAINT_W * 0.46);
    else
        shelf(p, left ? 90 : PAINT_W - 350, 250, 260, 2);
    if (has(p, THING_TREE_LIT)) tree_lit(p, other + (left ? -10 : 10));
    if (has(p, THING_LAMP) || dark(p)) lamp(p, left ? 470 : PAINT_W - 470, FLOOR + 10, 400);
    if (has(p, THING_ARMCHAIR) ||
        ((has(p, THING_HEARTH) || has(p, THING_BOOK)) && !has(p, THING_TABLE)))
        armchair(p, PAINT_W / 2.0 + (left ? 30 : -30), left ? -1 : 1);
}

static bool on_table(const Painting *p) {
    for (int i = THING_LETTER; i < THING_COUNT; i++)
        if (i != THING_TREE_LIT && i != THING_GUITAR && i != THING_SUITCASE && i != THING_BALL &&
            i != THING_GIFT && has(p, (Thing)i))
            return true;
    return has(p, THING_TABLE) || has(p, THING_FLOWERS);
}

void room_paint(Painting *p) {
    Scene outside = *p->scene;
    const Scene *inside = p->scene;
    outside.place = inside->view == PLACE_ROOM ? PLACE_HILLS : inside->view;
    static const Thing kept_in[] = {THING_WOMAN,    THING_MAN,      THING_CHILD,
                                    THING_CROWD,    THING_DOG,      THING_CAT,
                                    THING_UMBRELLA, THING_SUITCASE, THING_BALL};
    for (int i = 0; i < COUNT(kept_in); i++) outside.has[kept_in[i]] = 0;
    p->scene = &outside;
    outdoors_paint(p);
    cairo_surface_flush(p->surface);
    cairo_surface_t *view = cairo_image_surface_create(CAIRO_FORMAT_RGB24, PAINT_W, PAINT_H);
    cairo_t *copy = cairo_create(view);
    cairo_set_source_surface(copy, p->surface, 0, 0);
    cairo_paint(copy);
    cairo_destroy(copy);
    p->scene = inside;
    p->inside = true;
    p->light = light_of_room(inside);
    bool right = p->light.sun_x > 0.5;
    double w = 380, h = 350, x = right ? PAINT_W - w - 170 : 170, y = 110;
    if (on_table(p) && !has(p, THING_STOVE) && !has(p, THING_HEARTH) && !has(p, THING_BED))
        w = 460, x = right ? PAINT_W - w - 190 : 190;
    wall(p);
    window(p, view, x, y, w, h);
    cairo_surface_destroy(view);
    if (has(p, THING_CAT)) figure_cat(p, x + w * 0.78, y + h + 14, 118, 0);
    ground(p);
    furniture(p, x + w / 2);
    sunbeam(p, x, y, w, h);
    bool anybody =
        has(p, THING_WOMAN) || has(p, THING_MAN) || has(p, THING_CHILD) || has(p, THING_CROWD);
    bool seated = has(p, THING_ARMCHAIR) ||
                  ((has(p, THING_HEARTH) || has(p, THING_BOOK)) && !has(p, THING_TABLE));
    bool more = has(p, THING_CROWD) || has(p, THING_CHILD);
    if (anybody && (!seated || more))
        figure_group(p,
                     on_table(p) && !seated ? PAINT_W * (right ? 0.36 : 0.64)
                                            : PAINT_W * (has(p, THING_TREE_LIT) ? 0.48
                                                         : right                ? 0.68
                                                                                : 0.32),
                     FLOOR + 96, 450, 0);
    if (on_table(p) && !seated) table(p);
    if (has(p, THING_GUITAR)) still_guitar(p, right ? 560 : PAINT_W - 560, FLOOR + 90, 330);
    if (has(p, THING_DOG)) figure_dog(p, PAINT_W * 0.5, PAINT_H - 50, 110, right ? 1 : -1, 0);
    if (has(p, THING_SUITCASE)) {
        path_round_box(p, right ? 130 : PAINT_W - 290, PAINT_H - 150, 160, 120, 10);
        paint_fill(p, RGB(0x9a5f3a), 0);
    }
    if (dark(p)) { /* the corners go first */
        path_box(p, 0, 0, PAINT_W, PAINT_H);
        paint_down(p, 0, PAINT_H, RGB(0x1a1026), 0.2, RGB(0x1a1026), 0.02);
        paint_glow(p, PAINT_W / 2.0, 560, 640, RGB(0xff9a4a), 0.25);
    }
}
