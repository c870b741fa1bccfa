/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as a recording in each container: what the first byte says. Nothing beyond them is touched,
 * and what is left of them lies within. */
#include "products/lifetales/recording.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1 || size > 200000) return 0;
    RecordingKind kind = (RecordingKind)(data[0] % (RECORDING_FRAMES + 1));
    ptrdiff_t len = (ptrdiff_t)size - 1;
    char *bytes = malloc(size); /* of exactly this size, for the sanitizer */
    if (!bytes) abort();
    memcpy(bytes, data + 1, size - 1);
    ptrdiff_t begin = recording_begin(str_of(bytes, len));
    assert(begin >= 0 && begin <= len);
    Recording r = recording_clean(kind, bytes, len);
    assert(r.size >= 0 && r.size <= len);
    free(bytes);
    return 0;
}
