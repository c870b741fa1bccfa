"""The indexes of the fake Meilisearch (meilisearch.py): what they take, find, count and refuse."""

import collections
import json
import re
import time
import unicodedata
import uuid

DEPTH_MOST = 150  # levels of a filter; a parenthesis is four
FACET_BYTES = 468
UID = re.compile(r"[A-Za-z0-9_-]{1,400}\Z")
ID = re.compile(r"[A-Za-z0-9_-]{1,511}\Z")
RULES = {"words", "typo", "proximity", "attribute", "attributeRank", "wordPosition", "sort", "exactness"}


class Refused(Exception):
    def __init__(self, code, message, status=400, kind="invalid_request"):
        super().__init__(message)
        self.status = status
        self.error = {"message": message, "code": code, "type": kind,
                      "link": f"https://docs.meilisearch.com/errors#{code}"}


# -- Bodies -----------------------------------------------------------------------------------------

STRING, BOOL, TEXTS = (str, type(None)), bool, "texts"
NUMBER, COUNT, OBJECT, ANY = "number", "count", dict, "any"

SEARCH = {"q": STRING, "offset": COUNT, "limit": COUNT, "page": COUNT, "hitsPerPage": COUNT, "attributesToRetrieve": TEXTS,
          "attributesToCrop": TEXTS, "cropLength": COUNT, "cropMarker": STRING, "attributesToHighlight": TEXTS,
          "highlightPreTag": STRING, "highlightPostTag": STRING, "showMatchesPosition": BOOL, "filter": ANY,
          "sort": TEXTS, "distinct": STRING, "facets": TEXTS, "matchingStrategy": STRING, "attributesToSearchOn": TEXTS,
          "rankingScoreThreshold": NUMBER, "locales": TEXTS, "hybrid": ANY, "vector": ANY, "retrieveVectors": BOOL,
          "media": ANY, "personalize": ANY, "useNetwork": BOOL, "showRankingScore": BOOL,
          "showRankingScoreDetails": BOOL, "showPerformanceDetails": BOOL}
FACET_SEARCH = {"facetName": str, "facetQuery": STRING, "exhaustiveFacetCount": BOOL} | {
    name: SEARCH[name] for name in ("q", "vector", "media", "hybrid", "filter", "matchingStrategy",
                                    "attributesToSearchOn", "rankingScoreThreshold", "locales", "useNetwork")}
SETTINGS = {"displayedAttributes": TEXTS, "searchableAttributes": TEXTS, "filterableAttributes": TEXTS,
            "sortableAttributes": TEXTS, "foreignKeys": ANY, "rankingRules": TEXTS, "stopWords": TEXTS,
            "nonSeparatorTokens": TEXTS, "separatorTokens": TEXTS, "dictionary": TEXTS, "synonyms": OBJECT,
            "distinctAttribute": STRING, "proximityPrecision": STRING, "typoTolerance": OBJECT, "faceting": OBJECT,
            "pagination": OBJECT, "embedders": OBJECT, "searchCutoffMs": COUNT, "localizedAttributes": ANY,
            "facetSearch": BOOL, "prefixSearch": STRING, "chat": OBJECT}
TYPO = {"enabled": BOOL, "minWordSizeForTypos": OBJECT, "disableOnWords": TEXTS, "disableOnAttributes": TEXTS,
        "disableOnNumbers": BOOL}
FACETING = {"maxValuesPerFacet": COUNT, "sortFacetValuesBy": OBJECT}


def is_a(value, kind):
    if kind == ANY:
        return True
    if kind == TEXTS:
        return value is None or isinstance(value, list) and all(isinstance(v, str) for v in value)
    if kind == COUNT:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if kind == NUMBER:
        return value is None or isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, kind)


def snake(name):
    return re.sub(r"([A-Z])", lambda m: "_" + m.group(1).lower(), name)


def check_members(body, known, prefix, place=""):
    if not isinstance(body, dict):
        raise Refused("bad_request", "Invalid value type: expected an object")
    for name, value in body.items():
        if name not in known:
            raise Refused("bad_request", f"Unknown field `{name}`{place}: expected one of `{'`, `'.join(known)}`")
        if not is_a(value, known[name]):
            raise Refused(f"{prefix}_{snake(name)}", f"Invalid value type at `.{name}`: {json.dumps(value)[:80]}")


# -- Words ------------------------------------------------------------------------------------------


def fold(text):
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c)).replace("œ", "oe").replace("æ", "ae")


def words_of(text):
    return re.findall(r"\w+", fold(text))


def texts_of(value):
    if isinstance(value, list):
        return [t for one in value for t in texts_of(one)]
    return [str(value)] if isinstance(value, (str, int, float)) and not isinstance(value, bool) else []


def values_of(document, name):
    """What filters and facets see: numbers as floats, texts folded and cut."""
    value = document.get(name)
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, bool):
            yield str(one).lower(), str(one).lower()
        elif isinstance(one, (int, float)):
            yield float(one), one
        elif isinstance(one, str):
            yield fold(one).encode()[:FACET_BYTES].decode(errors="ignore"), one


class Query:
    def __init__(self, q):
        q = q or ""
        self.phrases = [words_of(p) for p in re.findall(r'(?<!-)"([^"]*)"', q)]
        rest = re.sub(r'-?"[^"]*"?', " ", q)
        self.without = [w for part in re.findall(r"(?:^|\s)-(\S+)", rest) for w in words_of(part)]
        rest = re.sub(r"(?:^|\s)-\S+", " ", rest)
        self.words = words_of(rest)[:10]
        self.prefix = bool(self.words) and not q[-1].isspace() and not q.endswith('"')

    def count(self, words, which):
        """How many of the query's words, in order of `which`, a document has before one is missing."""
        for n, i in enumerate(which):
            word = self.words[i]
            if word in words or self.prefix and i == len(self.words) - 1 and any(w.startswith(word) for w in words):
                continue
            return n
        return len(which)

    def fits(self, words):
        joined = " " + " ".join(words) + " "
        return (all(" " + " ".join(p) + " " in joined for p in self.phrases if p)
                and not any(w in words for w in self.without))


# -- Filters ----------------------------------------------------------------------------------------

TOKEN = re.compile(r"""\s*(?:("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|([\w.-]+)|(!=|<=|>=|[=<>()\[\],]))""")
KEYWORDS = {"AND", "OR", "IN", "NOT", "TO", "EXISTS", "IS", "NULL", "EMPTY", "CONTAINS", "STARTS", "WITH"}


class Filter:
    """A parsed expression: self.test(document)."""

    def __init__(self, text, index, code, contains):
        self.index, self.code, self.contains = index, code, contains
        self.tokens, at = [], 0
        while text[at:].strip():
            found = TOKEN.match(text, at)
            if not found:
                self.fail(f"Was expecting a value but instead got `{text[at:at + 30]}`")
            quoted, word, sign = found.groups()
            if quoted:
                quote = quoted[0]
                inner = quoted[1:-1].replace("\\" + quote, quote)
                self.tokens.append(("value", re.sub(r"\\(.)", r"\1", inner)))
            elif sign or word in KEYWORDS:
                self.tokens.append(("sign", sign or word))
            else:
                self.tokens.append(("value", word))
            at = found.end()
        self.at = 0
        self.test = self.any(0)
        if self.at < len(self.tokens):
            self.fail(f"Found unexpected characters at the end of the filter: `{self.tokens[self.at][1]}`")

    def fail(self, why):
        raise Refused(self.code, why)

    def take(self, *signs):
        if self.at < len(self.tokens) and self.tokens[self.at] in [("sign", s) for s in signs]:
            self.at += 1
            return self.tokens[self.at - 1][1]
        return None

    def value(self):
        if self.at == len(self.tokens) or self.tokens[self.at][0] != "value":
            self.fail("Was expecting a value but instead got nothing")
        self.at += 1
        return self.tokens[self.at - 1][1]

    def deeper(self, depth):
        if depth > DEPTH_MOST:
            self.fail("The filter exceeded the maximum depth limit. Try rewriting the filter so that it contains "
                      "fewer nested conditions.")

    def any(self, depth):
        self.deeper(depth)
        parts = [self.all(depth + 1)]
        while self.take("OR"):
            parts.append(self.all(depth + 1))
        return lambda d: any(part(d) for part in parts)

    def all(self, depth):
        self.deeper(depth)
        parts = [self.no(depth + 1)]
        while self.take("AND"):
            parts.append(self.no(depth + 1))
        return lambda d: all(part(d) for part in parts)

    def no(self, depth):
        self.deeper(depth)
        if self.take("NOT"):
            part = self.no(depth + 1)
            return lambda d: not part(d)
        return self.primary(depth + 1)

    def primary(self, depth):
        self.deeper(depth)
        if self.take("("):
            part = self.any(depth + 1)
            if not self.take(")"):
                self.fail("Expression is missing the following closing delimiter: `)`")
            return part
        name = self.value()
        if name not in self.index.settings["filterableAttributes"]:
            self.fail(f"Attribute `{name}` is not filterable.")
        return self.condition(name)

    def condition(self, name):
        sign = self.take("=", "!=", "<", "<=", ">", ">=", "EXISTS", "IN", "CONTAINS", "STARTS", "NOT", "IS")
        if sign == "NOT":
            part = self.condition(name)
            return lambda d: not part(d)
        if sign == "EXISTS":
            return lambda d: name in d
        if sign == "IS":
            no, what = self.take("NOT"), self.take("NULL", "EMPTY")
            test = (lambda d: name in d and d[name] is None) if what == "NULL" else \
                (lambda d: name in d and d[name] in ("", [], {}))
            return (lambda d: not test(d)) if no else test
        if sign == "IN":
            return self.one_of(name)
        if sign is None:
            return self.between(name)
        if sign == "STARTS" and not self.take("WITH"):
            self.fail("Was expecting an operation")
        value = self.value()
        if sign == "CONTAINS" and not self.contains:
            raise Refused("feature_not_enabled", "Using `CONTAINS` in a filter requires enabling the `contains filter` "
                          "experimental feature.")
        return self.compare(name, sign, value)

    def one_of(self, name):
        if not self.take("["):
            self.fail("Expected `[` after the keyword `IN`")
        parts = []
        while not self.take("]"):
            parts.append(self.compare(name, "=", self.value()))
            if not self.take(",") and self.tokens[self.at:self.at + 1] != [("sign", "]")]:
                self.fail("Expected only comma-separated field names inside `IN[..]`")
        return lambda d: any(part(d) for part in parts)

    def between(self, name):
        low = self.value()
        if not self.take("TO"):
            self.fail("Was expecting an operation `=`, `!=`, `>=`, `>`, `<=`, `<`, `IN`, `NOT IN`, `TO` …")
        low, high = self.compare(name, ">=", low), self.compare(name, "<=", self.value())
        return lambda d: low(d) and high(d)

    def compare(self, name, sign, value):
        text = fold(value)
        try:
            number = float(value)
        except ValueError:
            number = None
        if number is not None and (number != number or number in (float("inf"), float("-inf"))):
            self.fail("Non finite floats are not supported")
        tests = {"=": lambda v: v == (number if isinstance(v, float) else text),
                 "CONTAINS": lambda v: isinstance(v, str) and text in v,
                 "STARTS": lambda v: isinstance(v, str) and v.startswith(text),
                 "<": lambda v, w: v < w, "<=": lambda v, w: v <= w, ">": lambda v, w: v > w, ">=": lambda v, w: v >= w}
        if sign == "!=":
            return lambda d: not any(tests["="](v) for v, _ in values_of(d, name))
        if sign in ("=", "CONTAINS", "STARTS"):
            return lambda d: any(tests[sign](v) for v, _ in values_of(d, name))
        return lambda d: any(tests[sign](v, number) if isinstance(v, float) and number is not None
                             else isinstance(v, str) and number is None and tests[sign](v, text)
                             for v, _ in values_of(d, name))


def filter_of(value, index, code, contains):
    """String, or array: the outer is AND, the inner OR."""
    if value is None or value == "" or value == []:
        return lambda d: True
    if isinstance(value, str):
        return Filter(value, index, code, contains).test if value.strip() else lambda d: True
    if not isinstance(value, list):
        raise Refused(code, "Invalid syntax for the filter parameter: `expected String, Array`")
    parts = []
    for one in value:
        if isinstance(one, list):
            if not all(isinstance(v, str) for v in one):
                raise Refused(code, "Invalid syntax for the filter parameter: `expected String`")
            either = [filter_of(v, index, code, contains) for v in one]
            parts.append(lambda d, either=either: any(test(d) for test in either))
        else:
            parts.append(filter_of(one, index, code, contains))
    return lambda d: all(test(d) for test in parts)


# -- Indexes ----------------------------------------------------------------------------------------


class Index:
    def __init__(self, primary_key=None):
        self.primary_key = primary_key
        self.documents = {}
        self.settings = {"displayedAttributes": ["*"], "searchableAttributes": ["*"], "filterableAttributes": [],
                         "sortableAttributes": [], "stopWords": [],
                         "rankingRules": ["words", "typo", "proximity", "attributeRank", "sort", "wordPosition",
                                          "exactness"],
                         "faceting": {"maxValuesPerFacet": 100, "sortFacetValuesBy": {"*": "alpha"}},
                         "pagination": {"maxTotalHits": 1000}, "facetSearch": True}

    def add(self, documents, primary_key, merge):
        if self.primary_key is None:
            self.primary_key = primary_key or self.guess(documents)
        elif primary_key and primary_key != self.primary_key and not self.documents:
            raise Refused("index_primary_key_already_exists", f"Index already has a primary key: `{self.primary_key}`.")
        ready = []
        for one in documents:
            if self.primary_key not in one:
                raise Refused("missing_document_id", f"Document doesn't have a `{self.primary_key}` attribute: "
                              f"`{json.dumps(one)[:200]}`.")
            key = one[self.primary_key]
            if isinstance(key, bool) or not isinstance(key, (int, str)) or not ID.match(str(key)):
                raise Refused("invalid_document_id", f"Document identifier `{json.dumps(key)[:80]}` is invalid. A document "
                              "identifier can be of type integer or string, only composed of alphanumeric characters "
                              "(a-z A-Z 0-9), hyphens (-) and underscores (_), and can not be more than 511 bytes.")
            ready.append((str(key), one))
        for key, one in ready:
            self.documents[key] = self.documents.get(key, {}) | one if merge else one

    @staticmethod
    def guess(documents):
        names = {name for one in documents for name in one if name.lower().endswith("id")}
        if len(names) == 1:
            return names.pop()
        code = "no_candidate_found" if not names else "multiple_candidates_found"
        raise Refused(f"index_primary_key_{code}", "The primary key inference failed.")

    def searchable(self, name):
        return "*" in self.settings["searchableAttributes"] or name in self.settings["searchableAttributes"]

    def words(self, document, on):
        names = on if on is not None else self.settings["searchableAttributes"]
        if "*" in names:
            names = list(document)
        return [w for name in names for text in texts_of(document.get(name)) for w in words_of(text)]

    def matches(self, ask, code, contains):
        """[(document, words of the query that it has)], all that match."""
        test = filter_of(ask.get("filter"), self, code, contains)
        on = ask.get("attributesToSearchOn")
        for name in on or []:
            if name != "*" and not self.searchable(name):
                raise Refused("invalid_search_attributes_to_search_on", f"Attribute `{name}` is not searchable. Available "
                              f"searchable attributes are: `{', '.join(self.settings['searchableAttributes'])}`.")
        query, strategy = Query(ask.get("q")), ask.get("matchingStrategy") or "last"
        if strategy not in ("last", "all", "frequency"):
            raise Refused("invalid_search_matching_strategy", f"Unknown value `{strategy}` at `.matchingStrategy`: expected "
                          "one of `last`, `all`, `frequency`")
        query.words = [w for w in query.words if w not in map(fold, self.settings["stopWords"])] or query.words
        which = list(range(len(query.words)))
        texts = [(d, self.words(d, on)) for d in self.documents.values() if test(d)]
        if strategy == "frequency":
            which.sort(key=lambda i: sum(query.words[i] in words for _, words in texts))
        found = []
        for document, words in texts:
            count = query.count(words, which)
            if query.fits(words) and count >= (len(which) if strategy == "all" else min(1, len(which))):
                found.append((document, count / len(which) if which else 1.0))
        return found

    def order(self, hits, sort):
        rules = self.settings["rankingRules"]
        if sort and "sort" not in rules:
            raise Refused("invalid_search_sort", "You must specify where `sort` is listed in the rankingRules setting to "
                          "use the sort parameter at search time.")
        keys = [(lambda hit: -hit[1], False)]
        for rule in rules:
            for one in (sort or []) if rule == "sort" else [rule] if ":" in rule else []:
                name, _, direction = one.rpartition(":")
                if direction not in ("asc", "desc") or not name:
                    raise Refused("invalid_search_sort", f"Invalid syntax for the sort parameter: expected expression ending "
                                  f"by `:asc` or `:desc`, found `{one}`.")
                if rule == "sort" and name not in self.settings["sortableAttributes"]:
                    raise Refused("invalid_search_sort", f"Attribute `{name}` is not sortable.")
                keys.append((name, direction == "desc"))
        for key, reverse in reversed(keys):
            if callable(key):
                hits.sort(key=key)
                continue
            have = [hit for hit in hits if next(values_of(hit[0], key), None)]
            lack = [hit for hit in hits if not next(values_of(hit[0], key), None)]
            have.sort(key=lambda hit, key=key: (isinstance(v := next(values_of(hit[0], key))[0], str), v), reverse=reverse)
            hits = have + lack
        return hits

    def facet(self, hits, name):
        counts, shown = collections.Counter(), {}
        for document, _ in hits:
            for value, original in {v: o for v, o in values_of(document, name)}.items():
                counts[value] += 1
                shown.setdefault(value, original if isinstance(value, str) else number_text(value))
        return [(shown[v], n, v) for v, n in sorted(counts.items(), key=lambda item: str(item[0]))]

    def facets(self, hits, names):
        by = self.settings["faceting"].get("sortFacetValuesBy") or {}
        most = self.settings["faceting"].get("maxValuesPerFacet", 100)
        distribution, stats = {}, {}
        for name in names:
            if name not in self.settings["filterableAttributes"]:
                raise Refused("invalid_search_facets", f"Invalid facet distribution: Attribute `{name}` is not filterable.")
            values = self.facet(hits, name)
            if by.get(name, by.get("*", "alpha")) == "count":
                values.sort(key=lambda v: -v[1])
            distribution[name] = {shown: n for shown, n, _ in values[:most]}
            numbers = [v for _, _, v in values if isinstance(v, float)]
            if numbers:
                stats[name] = {"min": min(numbers), "max": max(numbers)}
        return distribution, stats

    def search(self, ask, contains):
        began = time.monotonic()
        check_members(ask, SEARCH, "invalid_search")
        threshold = ask.get("rankingScoreThreshold")
        if threshold is not None and not 0 <= threshold <= 1:
            raise Refused("invalid_search_ranking_score_threshold", "Invalid value at `.rankingScoreThreshold`")
        hits = [hit for hit in self.matches(ask, "invalid_search_filter", contains) if hit[1] >= (threshold or 0)]
        hits = self.order(hits, ask.get("sort"))
        distinct = ask.get("distinct")
        if distinct and distinct not in self.settings["filterableAttributes"]:
            raise Refused("invalid_search_distinct", f"Attribute `{distinct}` is not filterable and thus, cannot be used as "
                          "distinct attribute.")
        if distinct:
            seen = set()
            kept = []
            for hit in hits:
                values = {v for v, _ in values_of(hit[0], distinct)}
                if not values & seen:
                    kept.append(hit)
                seen |= values
            hits = kept
        offset, limit = ask.get("offset", 0), ask.get("limit", 20)
        most = self.settings["pagination"].get("maxTotalHits", 1000)
        wanted = ask.get("attributesToRetrieve")
        page = [{k: v for k, v in d.items() if wanted is None or "*" in wanted or k in wanted} |
                ({"_rankingScore": score} if ask.get("showRankingScore") else {})
                for d, score in hits[:most][offset:offset + limit]]
        answer = {"hits": page, "query": ask.get("q") or "", "limit": limit, "offset": offset,
                  "estimatedTotalHits": min(most, len(hits)), "requestUid": str(uuid.uuid4())}
        if ask.get("facets"):
            answer["facetDistribution"], answer["facetStats"] = self.facets(hits, ask["facets"])
        return answer | {"processingTimeMs": int((time.monotonic() - began) * 1000)}

    def facet_search(self, ask, contains):
        if "facetName" not in ask:
            raise Refused("missing_facet_search_facet_name", "Missing field `facetName`")
        check_members(ask, FACET_SEARCH, "invalid_facet_search")
        name = ask["facetName"]
        if name not in self.settings["filterableAttributes"]:
            raise Refused("invalid_facet_search_facet_name", f"Attribute `{name}` is not facet-searchable.")
        beginning = (words_of(ask.get("facetQuery") or "") or [""])[0]
        values = [(shown, n) for shown, n, v in self.facet(self.matches(ask, "invalid_search_filter", contains), name)
                  if isinstance(v, str) and any(w.startswith(beginning) for w in words_of(v) or [""])]
        by = self.settings["faceting"].get("sortFacetValuesBy") or {}
        if by.get(name, by.get("*", "alpha")) == "count":
            values.sort(key=lambda v: -v[1])
        return {"facetHits": [{"value": v, "count": n} for v, n in values[:100]], "facetQuery": ask.get("facetQuery"),
                "processingTimeMs": 0}


def number_text(value):
    return str(int(value)) if value.is_integer() else repr(value)


def check_settings(settings):
    check_members(settings, SETTINGS, "invalid_settings")
    rules = settings.get("rankingRules") or []
    for rule in rules:
        if rule not in RULES and not re.fullmatch(r"[^:]+:(asc|desc)", rule):
            raise Refused("invalid_settings_ranking_rules", f"Invalid value at `.rankingRules`: `{rule}` ranking rule is "
                          "invalid. Valid ranking rules are words, typo, sort, proximity, attribute, attributeRank, "
                          "wordPosition, exactness and custom ranking rules.")
    if "attribute" in rules and {"attributeRank", "wordPosition"} & set(rules):
        raise Refused("invalid_settings_ranking_rules", "Mixed usage of the attribute, attributeRank, and wordPosition "
                      "ranking rules.")
    typo = settings.get("typoTolerance") or {}
    check_members(typo, TYPO, "invalid_settings_typo_tolerance", " inside `.typoTolerance`")
    sizes = typo.get("minWordSizeForTypos") or {}
    check_members(sizes, {"oneTypo": COUNT, "twoTypos": COUNT}, "invalid_settings_typo_tolerance")
    one, two = sizes.get("oneTypo", 5), sizes.get("twoTypos", 9)
    if not 0 <= one <= two <= 255:
        raise Refused("invalid_settings_typo_tolerance", "`minWordSizeForTypos` setting is invalid.")
    faceting = settings.get("faceting") or {}
    check_members(faceting, FACETING, "invalid_settings_faceting", " inside `.faceting`")
    if any(v not in ("alpha", "count") for v in (faceting.get("sortFacetValuesBy") or {}).values()):
        raise Refused("invalid_settings_faceting", "Unknown value at `.faceting.sortFacetValuesBy`")
    check_members(settings.get("pagination") or {}, {"maxTotalHits": COUNT}, "invalid_settings_pagination")
