/* SPDX-License-Identifier: Apache-2.0
 * Bindings: which assistant answers on a channel, in which languages and hours. Hours are the tenant's
 * local ones: {"mon": [["09:00", "12:30"], ["14:00", "18:00"]], "sat": [["22:00", "02:00"]]}; a span
 * whose end is not later than its beginning goes on into the next day, and a day that is not named has
 * none. null: always. */
#ifndef SOCLE_SYLION_BINDINGS_H
#define SOCLE_SYLION_BINDINGS_H

#include "products/sylion/records.h"
#include "products/sylion/scope.h"

/* Of those that fit, the one with the greatest priority, then the oldest; only assistants that are active.
 * A contact whose language is not known (null) fits any. Waits on the database. */
MUST_USE Err *binding_find(Ctx *c, const Scope *s, Id channel, Str language, Time at,
                           Assistant *out, bool *found);

/* Is `at` within these hours? Unreadable ones are never. */
bool hours_hold(Ctx *c, JsonText hours, Str time_zone, Time at);

#endif
