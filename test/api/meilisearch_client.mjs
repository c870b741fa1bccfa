// SPDX-License-Identifier: Apache-2.0
// Meilisearch's own JavaScript client, and its adapter for InstantSearch, against our routes.
//   node meilisearch_client.mjs URL KEY      (copied to where node_modules has both)
// The server has the 60 posts that test_meilisearch.py writes. Says "N passed" at the end.
import assert from "node:assert/strict";
import { Meilisearch, MeilisearchApiError } from "meilisearch";
import { instantMeiliSearch } from "@meilisearch/instant-meilisearch";

const [host, apiKey] = process.argv.slice(2);
const client = new Meilisearch({ host, apiKey });
const posts = client.index("posts");
const wanted = ["tiktok", "instagram", "facebook"];
let passed = 0;

async function test(name, run) {
  try {
    await run();
    passed++;
  } catch (error) {
    console.error(`FAIL ${name}: ${error.stack} ${JSON.stringify(error.cause ?? null)}`);
    process.exitCode = 1;
  }
}

async function refused(promise, status, code) {
  await assert.rejects(promise, (error) => {
    assert(error instanceof MeilisearchApiError);
    assert.equal(error.response.status, status);
    assert.equal(error.cause.code, code);
    assert.equal(error.message.includes(error.cause.message), true);
    return true;
  });
}

await test("search", async () => {
  const answer = await posts.search("phnoe", {
    limit: 5, filter: [["platform = tiktok", "platform = facebook"], "likes >= 10"], sort: ["likes:desc"],
    facets: ["platform", "likes"], attributesToHighlight: ["caption"], attributesToCrop: ["caption"],
    cropLength: 3, showMatchesPosition: true, showRankingScore: true, matchingStrategy: "all",
  });
  assert.equal(answer.hits.length, 5);
  assert.equal(answer.limit, 5);
  assert(answer.estimatedTotalHits > 5);
  const likes = answer.hits.map((hit) => hit.metrics.likes);
  assert.deepEqual(likes, [...likes].sort((a, b) => b - a));
  for (const hit of answer.hits) {
    assert(["tiktok", "facebook"].includes(hit.platform));
    assert(hit._formatted.caption.includes("<em>phone</em>"));
    assert.equal(hit._formatted.score, String(hit.score));
    const { start, length } = hit._matchesPosition.caption[0];
    assert.equal(Buffer.from(hit.caption).subarray(start, start + length).toString(), "phone");
    assert(hit._rankingScore > 0 && hit._rankingScore <= 1);
  }
  assert.deepEqual(Object.keys(answer.facetDistribution.platform).sort(), ["facebook", "tiktok"]);
  assert(answer.facetStats.likes.min >= 10);
});

await test("search by pages", async () => {
  const answer = await posts.search("", { page: 2, hitsPerPage: 25 });
  assert.deepEqual([answer.totalHits, answer.totalPages, answer.page, answer.hitsPerPage], [60, 3, 2, 25]);
  assert.equal(answer.hits.length, 25);
  assert.equal("estimatedTotalHits" in answer, false);
});

await test("searchGet", async () => {
  const options = { limit: 7, filter: "platform = tiktok", facets: ["platform"], sort: ["likes:asc"],
    attributesToRetrieve: ["id", "caption"], attributesToHighlight: ["*"] };
  const [byGet, byPost] = await Promise.all([posts.searchGet("phone", options), posts.search("phone", options)]);
  assert.deepEqual(byGet.hits, byPost.hits);
  assert.deepEqual(Object.keys(byGet.hits[0]).sort(), ["_formatted", "caption", "id"]);
  assert.deepEqual(byGet.facetDistribution, byPost.facetDistribution);
});

await test("multiSearch", async () => {
  const { results } = await client.multiSearch({
    queries: [{ indexUid: "posts", q: "phone" }, { indexUid: "posts", q: "nothingofthis", limit: 1 }],
  });
  assert.deepEqual(results.map((r) => [r.indexUid, r.query]), [["posts", "phone"], ["posts", "nothingofthis"]]);
  assert.equal(results[0].estimatedTotalHits, 30);
  assert.deepEqual(results[1].hits, []);
});

await test("multiSearch as one list", async () => {
  const answer = await client.multiSearch({
    federation: { limit: 60 },
    queries: [
      { indexUid: "posts", q: "phone", filter: "platform = tiktok" },
      { indexUid: "posts", q: "tramway", federationOptions: { weight: 1.5 } },
    ],
  });
  const scores = answer.hits.map((hit) => hit._federation.weightedRankingScore);
  assert.deepEqual(scores, [...scores].sort((a, b) => b - a));
  assert.equal(answer.hits[0]._federation.queriesPosition, 1);
  assert.equal(answer.hits.length, answer.estimatedTotalHits);
  assert.equal(new Set(answer.hits.map((hit) => hit.id)).size, answer.hits.length);
});

await test("searchForFacetValues", async () => {
  const { facetHits, facetQuery } = await posts.searchForFacetValues({ facetName: "platform", facetQuery: "tik" });
  assert.deepEqual(facetHits, [{ value: "tiktok", count: 20 }]);
  assert.equal(facetQuery, "tik");
});

await test("documents", async () => {
  const page = await posts.getDocuments({ limit: 3, offset: 2, fields: ["id", "platform"] });
  assert.deepEqual([page.total, page.limit, page.offset, page.results.length], [60, 3, 2, 3]);
  assert.deepEqual(Object.keys(page.results[0]).sort(), ["id", "platform"]);
  const filtered = await posts.getDocuments({ filter: "platform = tiktok", limit: 100 });
  assert.equal(filtered.results.length, 20);
  const one = await posts.getDocument("tiktok_m0", { fields: ["id"] });
  assert.deepEqual(one, { id: "tiktok_m0" });
  await refused(posts.getDocument("nobody"), 404, "document_not_found");
});

await test("indexes, stats, settings, health, version", async () => {
  const { results } = await client.getIndexes();
  assert.deepEqual(results.filter((index) => index.uid === "posts").map((index) => index.primaryKey), ["id"]);
  assert.equal(await posts.fetchPrimaryKey(), "id");
  assert.equal((await posts.getStats()).numberOfDocuments, 60);
  assert.equal((await client.getStats()).indexes.posts.fieldDistribution.caption, 60);
  const settings = await posts.getSettings();
  assert.deepEqual(settings.searchableAttributes, ["caption", "hashtags", "author"]);
  assert.deepEqual(await posts.getRankingRules(), settings.rankingRules);
  assert.deepEqual(await posts.getTypoTolerance(), settings.typoTolerance);
  assert.deepEqual(await posts.getPagination(), settings.pagination);
  assert.equal((await client.health()).status, "available");
  assert.equal(await client.isHealthy(), true);
  assert.equal(typeof (await client.getVersion()).pkgVersion, "string");
});

await test("errors", async () => {
  await refused(posts.search("x", { filter: "nothing = 1" }), 400, "invalid_search_filter");
  await refused(posts.search("x", { limit: -1 }), 400, "invalid_search_limit");
  await refused(client.index("nothing").search("x"), 404, "index_not_found");
  await refused(new Meilisearch({ host, apiKey: "sk_wrong" }).index("posts").search(""), 403, "invalid_api_key");
  await refused(new Meilisearch({ host }).index("posts").search(""), 401, "missing_authorization_header");
  await refused(posts.addDocuments([{ id: "x" }]), 405, "method_not_allowed");
});

await test("InstantSearch's adapter", async () => {
  const { searchClient } = instantMeiliSearch(host, apiKey, { finitePagination: true, keepZeroFacets: true });
  const { results } = await searchClient.search([
    { indexName: "posts", params: { query: "phnoe", hitsPerPage: 10, page: 0, facets: ["platform", "likes"],
      facetFilters: [["platform:tiktok", "platform:facebook"]], numericFilters: ["likes>=1"],
      highlightPreTag: "__ais-highlight__", highlightPostTag: "__/ais-highlight__" } },
    { indexName: "posts:likes:desc", params: { query: "", hitsPerPage: 1, facets: ["platform"] } },
  ]);
  assert.equal(results[0].hits.length, 10);
  assert(results[0].nbHits >= 10 && results[0].nbPages >= 1);
  for (const hit of results[0].hits) {
    assert(hit._highlightResult.caption.value.includes("__ais-highlight__phone__/ais-highlight__"));
    assert.notEqual(hit.platform, "instagram");
  }
  assert.equal(results[0].facets.platform.instagram, 0);
  assert.equal(results[0].facets_stats.likes.min >= 1, true);
  assert.deepEqual(Object.keys(results[1].facets.platform).sort(), [...wanted].sort());
  const values = await searchClient.searchForFacetValues([
    { indexName: "posts", params: { facetName: "platform", facetQuery: "insta" } },
  ]);
  assert.deepEqual(values[0].facetHits.map(({ value, count }) => [value, count]), [["instagram", 20]]);
});

console.log(`${passed} passed`);
