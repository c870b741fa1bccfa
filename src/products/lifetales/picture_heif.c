/* SPDX-License-Identifier: Apache-2.0
 * One HEIC or AVIF picture becomes points, by libheif. See picture_heif.h. Turns and cuts that the file
 * asks for are done by the library; what EXIF says of them does not count in these files. Ten bits a
 * colour become eight. Nothing is freed: the process ends. */
#include "products/lifetales/picture_heif.h"

#include <libheif/heif.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FROM = 3, POINTS = 4, PROFILE = 5, BYTES_OF_A_POINT = 3 };

static int refuse(const char *why) {
    fprintf(stderr, "%s\n", why);
    return EXIT_FAILURE;
}

static bool write_all(int fd, const void *bytes, size_t size) {
    for (const char *at = bytes; size > 0;) {
        ssize_t n = write(fd, at, size);
        if (n <= 0) return false;
        at += n;
        size -= (size_t)n;
    }
    return true;
}

static bool profile_write(const struct heif_image_handle *handle) {
    size_t size = heif_image_handle_get_raw_color_profile_size(handle);
    enum heif_color_profile_type type = heif_image_handle_get_color_profile_type(handle);
    if (size == 0 || (type != heif_color_profile_type_prof && type != heif_color_profile_type_rICC))
        return true;
    void *profile = malloc(size);
    if (!profile || heif_image_handle_get_raw_color_profile(handle, profile).code != heif_error_Ok)
        return false;
    return write_all(PROFILE, profile, size);
}

static int points_write(const struct heif_image_handle *handle, int64_t width, int64_t height) {
    struct heif_image *image = NULL;
    struct heif_decoding_options *options = heif_decoding_options_alloc();
    options->convert_hdr_to_8bit = 1;
    options->strict_decoding = 1;
    struct heif_error err = heif_decode_image(handle, &image, heif_colorspace_RGB,
                                              heif_chroma_interleaved_RGB, options);
    if (err.code != heif_error_Ok) return refuse(err.message);
    int stride = 0;
    const uint8_t *rows = heif_image_get_plane_readonly(image, heif_channel_interleaved, &stride);
    if (!rows || heif_image_get_width(image, heif_channel_interleaved) != width ||
        heif_image_get_height(image, heif_channel_interleaved) != height)
        return refuse("its points are not those that it promised");
    for (int64_t y = 0; y < height; y++)
        if (!write_all(POINTS, rows + y * stride, (size_t)(width * BYTES_OF_A_POINT)))
            return refuse("no room for its points");
    return EXIT_SUCCESS;
}

int picture_heif_main(void) {
    struct stat st;
    struct heif_image_handle *handle = NULL;
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (fstat(FROM, &st) != 0 || st.st_size <= 0) return refuse("there is no picture");
    void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, FROM, 0);
    if (bytes == MAP_FAILED) return refuse("it cannot be read");
    struct heif_context *heif = heif_context_alloc();
    heif_context_set_maximum_image_size_limit(heif, PICTURE_SIDE_MAX);
    heif_context_set_max_decoding_threads(heif, 1);
    struct heif_error err =
        heif_context_read_from_memory_without_copy(heif, bytes, (size_t)st.st_size, NULL);
    if (err.code == heif_error_Ok) err = heif_context_get_primary_image_handle(heif, &handle);
    if (err.code != heif_error_Ok) return refuse(err.message);
    int64_t width = heif_image_handle_get_width(handle);
    int64_t height = heif_image_handle_get_height(handle);
    printf("%lld %lld\n", (long long)width, (long long)height);
    fflush(stdout);
    if (width <= 0 || height <= 0) return refuse("it has no size");
    if (width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX ||
        width * height > PICTURE_POINTS_MAX)
        return refuse("it is too large");
    if (!profile_write(handle)) return refuse("its colours cannot be read");
    return points_write(handle, width, height);
}
