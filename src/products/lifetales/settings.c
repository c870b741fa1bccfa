/* SPDX-License-Identifier: Apache-2.0
 * lifetales' settings: filled once before anything starts, read-only afterwards. */
#include "products/lifetales/lifetales.h"

LifetalesSettings lifetales;
