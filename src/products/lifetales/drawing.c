/* SPDX-License-Identifier: Apache-2.0
 * A drawing from its words to its bytes. All memory of the arena is taken before cairo has any of its own,
 * or after cairo has given it back: an arena that is full leaves without coming back here. */
#include "products/lifetales/drawing_paint.h"

static const double horizons[PLACES] = {
    [PLACE_HILLS] = 0.5,     [PLACE_COAST] = 0.5,   [PLACE_LAKE] = 0.52, [PLACE_RIVER] = 0.5,
    [PLACE_MOUNTAINS] = 0.6, [PLACE_FOREST] = 0.52, [PLACE_TOWN] = 0.5,  [PLACE_CITY] = 0.6,
    [PLACE_GARDEN] = 0.46,   [PLACE_DESERT] = 0.52, [PLACE_ROOM] = 0.55,
};

static bool paint(const Scene *scene, uint32_t *pixels) {
    cairo_surface_t *surface = cairo_image_surface_create_for_data(
        (unsigned char *)pixels, CAIRO_FORMAT_RGB24, PAINT_W, PAINT_H, PAINT_W * 4);
    cairo_t *cr = cairo_create(surface);
    Painting p = {.cr = cr, .surface = surface, .scene = scene, .hand = hand_of(scene->look)};
    p.chance = chance_mix(scene->seed, 2);
    p.light = light_of(scene);
    p.horizon = PAINT_H * horizons[scene->place];
    cairo_set_tolerance(cr, 0.3);
    if (scene->place == PLACE_ROOM)
        room_paint(&p);
    else
        outdoors_paint(&p);
    cairo_surface_flush(surface);
    bool good = cairo_status(cr) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    return good;
}

Str drawing_make(Arena *arena, const DrawingTask *task) {
    assert(arena && task);
    const ptrdiff_t count = (ptrdiff_t)PAINT_W * PAINT_H;
    uint32_t *pixels = arena_array(arena, uint32_t, count);
    uint32_t *spare = arena_array(arena, uint32_t, count * 2); /* the finish's, in two parts */
    Scene scene = scene_read(arena, task);
    if (!paint(&scene, pixels)) return (Str){0};
    Painting p = {.scene = &scene, .hand = hand_of(scene.look)};
    finish_pixels(&p, pixels, spare);
    return finish_png(arena, pixels);
}
