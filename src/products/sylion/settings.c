/* SPDX-License-Identifier: Apache-2.0
 * sylion's settings: filled once before anything starts, read-only afterwards. */
#include "products/sylion/sylion.h"

SylionSettings sylion;
