/* SPDX-License-Identifier: Apache-2.0
 * Signatures equal to those that another implementation (the aws4 package of npm) gives. */
#include "data/sigv4.h"

#include "t.h"

static Arena *arena;

TEST(a_signed_upload_equals_another_implementations) {
    Time at;
    REQUIRE(time_parse(S("2026-11-21T07:00:00Z"), &at));
    Str hash = S("f2ff189a4ef686231302becc266e6c8d5eee814b868d11631f7660073fc9b613");
    SigV4Header headers[] = {{S("content-length"), S("8")},
                             {S("content-type"), S(" text/plain ")},
                             {S("host"), S("127.0.0.1:4568")},
                             {S("x-amz-content-sha256"), hash},
                             {S("x-amz-date"), sigv4_date(arena, at)}};
    SigV4 s = {.access_key = S("AK"), .secret_key = S("SK"), .region = S("us-east-1"),
               .service = S("s3"), .method = S("PUT"),
               .path = sigv4_encode(arena, S("/media/a/b c.txt"), true), .query = S(""),
               .headers = headers, .header_count = COUNT(headers), .payload_hash = hash, .at = at};
    CHECK_STR(s.path, S("/media/a/b%20c.txt"));
    CHECK_STR(sigv4_authorization(arena, &s),
              S("AWS4-HMAC-SHA256 Credential=AK/20261121/us-east-1/s3/aws4_request, "
                "SignedHeaders=content-length;content-type;host;x-amz-content-sha256;x-amz-date, "
                "Signature=278187194a1a277791d05d377f32f9a4fc12ac1ba9b609c5364561f18a795ddd"));
}

TEST(names_are_encoded_as_signing_wants_it) {
    CHECK_STR(sigv4_encode(arena, S("a-._~/é+ &="), false), S("a-._~%2F%C3%A9%2B%20%26%3D"));
    CHECK_STR(sigv4_encode(arena, S("a/b"), true), S("a/b"));
}

static const T rows[] = {
    T_ROW(a_signed_upload_equals_another_implementations),
    T_ROW(names_are_encoded_as_signing_wants_it),
};

int main(int argc, char **argv) {
    arena = arena_new(MIB);
    int bad = t_main(argc, argv, rows, (int)COUNT(rows));
    arena_free(arena);
    return bad;
}
