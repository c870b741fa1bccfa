/* SPDX-License-Identifier: Apache-2.0
 * What a prompt asks to be drawn. Its words are compared with lists of French and English words, folded and
 * by their stems; some Chinese and Arabic ones are looked for as they stand. A word that is another in the
 * other language (car, four, main …) counts in its own only, which the text's small words tell. A word
 * after "no", "without", "sans", "pas de" does not count. What the words leave open is decided by their
 * hash, so that equal prompts are equal pictures and others differ. */
#include "core/err.h"
#include "products/lifetales/drawing_paint.h"
#include "search/text.h"

enum {
    READ_MAX = 6000 /* bytes of a prompt that are read; all of them make the hash */,
    VOTES = 9
};

/* What a list of words speaks for. */
typedef enum Speaks { FOR_THING, FOR_PLACE, FOR_HOUR, FOR_SEASON, FOR_WEATHER, FOR_MOOD } Speaks;
typedef struct Vocabulary {
    Speaks speaks;
    int what;
    const char *both;   /* folded; in either language */
    const char *french; /* only in French text */
    const char *english;
    const char *other; /* looked for as they stand */
} Vocabulary;

// clang-format off
static const Vocabulary vocabulary[] = {
    {FOR_PLACE, PLACE_COAST, "mer plage ocean maritime falaise littoral bretagne sea seaside beach coast shore cliff seashore waves phare dune",
     "vague vagues sable quai port", "harbour harbor pier sand", "海 沙滩 海边 بحر شاطئ"},
    {FOR_PLACE, PLACE_LAKE, "lac etang lake pond fjord", "mare", "", "湖 بحيرة"},
    {FOR_PLACE, PLACE_RIVER, "riviere fleuve ruisseau seine loire rhone river stream canal thames pont bridge barge", "", "creek", "河 江 نهر"},
    {FOR_PLACE, PLACE_MOUNTAINS, "montagne mountain alpes alps sommet summit glacier pyrenees vallee valley peak refuge randonnee hike hiking",
     "col cime", "", "山 جبل"},
    {FOR_PLACE, PLACE_FOREST, "foret bois forest woods woodland sentier clairiere jungle champignon mushroom", "", "wood trail", "森林 غابة"},
    {FOR_PLACE, PLACE_TOWN, "village rue ruelle street alley bourg marché market cobbled boulangerie bakery bistrot eglise church shop boutique",
     "terrasse", "town square", "村 街 市场 قرية شارع سوق"},
    {FOR_PLACE, PLACE_CITY, "ville city paris londres london york immeuble skyline gratte boulevard metro downtown lyon marseille tokyo berlin bruxelles",
     "capitale", "buildings subway", "城市 巴黎 مدينة باريس"},
    {FOR_PLACE, PLACE_GARDEN, "jardin garden verger orchard parc park potager terrasse hedge lawn pelouse balancoire swing", "cour", "yard backyard", "花园 公园 حديقة"},
    {FOR_PLACE, PLACE_HILLS, "campagne colline countryside hill prairie meadow ferme farm pré field champ vigne vineyard blé wheat moisson harvest plaine tracteur tractor",
     "champs", "", "田 田野 ريف"},
    {FOR_PLACE, PLACE_DESERT, "desert sahara dunes oasis chameau camel maroc morocco", "", "", "沙漠 صحراء"},
    {FOR_PLACE, PLACE_ROOM, "cuisine kitchen salon chambre bedroom bureau bibliotheque library interieur indoors appartement apartment restaurant atelier workshop "
                            "cheminee fireplace hopital hospital ecole school classe classroom grenier attic couloir musee museum canape sofa",
     "piece", "room office desk", "厨房 房间 家 مطبخ غرفة"},

    {FOR_HOUR, HOUR_DAWN, "aube aurore lever dawn sunrise daybreak", "", "", "黎明 日出 فجر شروق"},
    {FOR_HOUR, HOUR_MORNING, "matin matinee morning breakfast", "", "", "早上 早晨 صباح"},
    {FOR_HOUR, HOUR_NOON, "midi noon midday dejeuner lunch noontime", "", "", "中午 ظهر"},
    {FOR_HOUR, HOUR_GOLDEN, "apres-midi afternoon golden dore doree", "", "", "下午 عصر"},
    {FOR_HOUR, HOUR_DUSK, "crepuscule soir soiree coucher couchant dusk sunset evening twilight diner supper noel christmas", "", "", "黄昏 日落 傍晚 غروب مساء"},
    {FOR_HOUR, HOUR_NIGHT, "nuit minuit nocturne etoile etoiles lune night midnight moonlight moon stars starry reveillon", "", "", "夜 晚上 月 星 ليل قمر نجوم"},

    {FOR_SEASON, SEASON_SPRING, "printemps spring avril april bourgeon blossom cerisier cherry paques easter", "mai mars", "", "春 樱花 ربيع"},
    {FOR_SEASON, SEASON_SUMMER, "été summer juillet july aout august vacances holidays chaleur heat baignade swim", "juin", "june", "夏 صيف"},
    {FOR_SEASON, SEASON_AUTUMN, "automne autumn octobre october novembre november vendange", "", "fall", "秋 خريف"},
    {FOR_SEASON, SEASON_WINTER, "hiver winter decembre december janvier january fevrier february noel christmas givre frost gel verglas ski", "", "ice", "冬 圣诞 شتاء"},

    {FOR_WEATHER, WEATHER_RAIN, "pluie pleut averse pluvieux rain raining rainy drizzle parapluie umbrella", "", "", "雨 مطر"},
    {FOR_WEATHER, WEATHER_STORM, "orage tempete eclair foudre tonnerre storm thunder lightning stormy", "", "", "暴风 雷 عاصفة"},
    {FOR_WEATHER, WEATHER_SNOW, "neige neiger flocon snow snowy snowflake blizzard snowman", "", "", "雪 ثلج"},
    {FOR_WEATHER, WEATHER_FOG, "brouillard brume brumeux fog foggy mist misty haze", "", "", "雾 ضباب"},
    {FOR_WEATHER, WEATHER_WIND, "vent mistral rafale wind windy breeze gust", "", "", "风 ريح"},
    {FOR_WEATHER, WEATHER_CLOUDS, "nuage nuages nuageux cloud clouds cloudy couvert overcast", "", "", "云 سحاب"},
    {FOR_WEATHER, WEATHER_CLEAR, "soleil ensoleille sun sunny sunshine", "", "", "太阳 阳光 شمس"},

    {FOR_MOOD, -1, "triste tristesse pleurer adieu deuil enterrement solitude nostalgie sad sadness grief funeral lonely farewell melancholy cry mourning", "mort seul seule", "alone", "悲伤 حزن"},
    {FOR_MOOD, 1, "joie joyeux heureux heureuse bonheur fete rire happy joy happiness party celebrate laughter mariage wedding anniversaire birthday", "", "", "快乐 生日 سعيد عيد"},

#define WORDS(thing, both, french, english, other) {FOR_THING, THING_##thing, both, french, english, other}
    WORDS(BOAT, "bateau voilier barque pecheur boat sailboat dinghy rowing sail canoe", "voile", "", "船 قارب"),
    WORDS(SHIP, "navire paquebot ferry cargo steamer ship", "", "", "轮船 سفينة"),
    WORDS(LIGHTHOUSE, "phare lighthouse", "", "", "灯塔 منارة"),
    WORDS(TRAIN, "train trains gare locomotive railway station wagon rails tgv", "", "", "火车 قطار"),
    WORDS(CAR, "voiture automobile auto taxi", "", "car drive driving", "汽车 سيارة"),
    WORDS(BICYCLE, "velo bicyclette bicycle bike cycling", "", "", "自行车 دراجة"),
    WORDS(BRIDGE, "pont bridge passerelle viaduc viaduct", "", "", "桥 جسر"),
    WORDS(ROAD, "route chemin road path autoroute highway roadtrip sentier voyage journey trip", "", "", "路 طريق"),
    WORDS(BALLOON, "montgolfiere balloon", "", "", "热气球 منطاد"),
    WORDS(MILL, "moulin windmill mill", "", "", "风车 طاحونة"),
    WORDS(CHURCH, "eglise cathedrale chapelle clocher church cathedral chapel steeple abbaye abbey mariage wedding", "", "", "教堂 كنيسة"),
    WORDS(CASTLE, "chateau castle palais palace forteresse", "", "", "城堡 قلعة"),
    WORDS(TOWER, "eiffel paris", "", "", "巴黎 باريس"),
    WORDS(TENT, "tente camping tent bivouac camp", "", "", "帐篷 خيمة"),
    WORDS(HOUSE, "maison chalet cabane ferme chaumiere house cottage cabin farmhouse home hut mas", "", "", "房子 家 بيت منزل"),
    WORDS(BENCH, "banc bench", "", "", "长椅"),
    WORDS(LAMPPOST, "reverbere lampadaire streetlamp lamppost streetlight", "", "", "路灯"),
    WORDS(UMBRELLA, "parapluie umbrella", "", "", "伞 مظلة"),
    WORDS(KITE, "cerf-volant kite", "", "", "风筝"),
    WORDS(BIRD, "oiseau oiseaux mouette hirondelle goeland bird gull seagull swallow geese", "", "", "鸟 طائر"),
    WORDS(DOG, "chien chienne chiot dog puppy labrador", "", "", "狗 كلب"),
    WORDS(CAT, "chaton kitten minou", "chat chatte", "cat", "猫 قطة"),
    WORDS(HORSE, "cheval chevaux poney horse pony jument", "", "mare", "马 حصان"),
    WORDS(COW, "vache vaches cow cattle", "", "", "牛 بقرة"),
    WORDS(SHEEP, "mouton moutons brebis agneau sheep lamb berger shepherd", "", "", "羊 خروف"),
    WORDS(TREE, "arbre chene olivier pommier tree oak verger orchard cerisier", "", "", "树 شجرة"),
    WORDS(PINE, "sapin sapins pine conifere epicea", "pin pins", "fir", "松"),
    WORDS(PALM, "palmier palm cocotier tropical", "", "", "棕榈 نخلة"),
    WORDS(FLOWERS, "fleur fleurs tulipe lavande coquelicot flower poppy tulip lavender rosier tournesol sunflower daisy marguerite", "rose roses", "rose roses", "花 زهور"),
    WORDS(BONFIRE, "campfire bonfire feu-de-camp", "feu", "", "篝火"),
    WORDS(MARKET, "marché market etal etals stall", "", "", "市场 سوق"),
    WORDS(FIREWORKS, "artifice firework fireworks", "", "", "烟花"),
    WORDS(RAINBOW, "arc-en-ciel rainbow", "", "", "彩虹"),
    WORDS(SUN, "soleil sun sunny", "", "", "太阳 شمس"),
    WORDS(MOON, "lune moon moonlight", "", "", "月 قمر"),
    WORDS(STARS, "etoile etoiles stars starry constellation", "", "", "星 نجوم"),
    WORDS(PLANE, "avion aeroport plane airplane airport flight", "", "", "飞机 طائرة"),
    WORDS(WOMAN, "femme mère maman grand-mere mamie grandmother grandma mother mum mom woman girl wife soeur sister tante aunt amie madame fille daughter jeanne marie "
                 "elle", "", "she lady", "妈妈 奶奶 女 امرأة جدة أم"),
    WORDS(MAN, "homme papa grand-pere papi grandfather grandpa father dad husband mari frere brother oncle uncle ami monsieur garcon boy pierre", "père fils pecheur",
          "man he son gentleman", "爸爸 爷爷 男 رجل أب جد"),
    WORDS(OLD, "grand-mere mamie grand-pere papi grandmother grandma grandfather grandpa vieux vieil vieille", "", "old elderly", "奶奶 爷爷 جدة جد"),
    WORDS(CHILD, "enfant enfants bebe child children baby kid kids garcon boy fillette grandson", "", "", "孩子 طفل"),
    WORDS(CROWD, "famille foule gens amis family friends people crowd voisins neighbours mariage wedding equipe team nous ensemble together", "", "", "家人 朋友 عائلة أصدقاء"),
    WORDS(SNOWMAN, "snowman bonhomme", "", "", "雪人"),
    WORDS(FENCE, "cloture barriere fence portail", "", "gate", ""),
    WORDS(WHEAT, "blé wheat moisson harvest epi corn", "", "", "麦"),
    WORDS(WINDOW, "fenetre window", "", "", "窗 نافذة"),
    WORDS(TABLE, "table nappe repas diner dejeuner dinner lunch breakfast supper gouter banquet feast", "", "", "桌 طاولة"),
    WORDS(LAMP, "lampe lamp lanterne lantern", "", "", "灯 مصباح"),
    WORDS(HEARTH, "cheminee fireplace atre hearth bûche", "", "", "壁炉"),
    WORDS(STOVE, "cuisine kitchen fourneau stove casserole marmite recette recipe cuisiner cook cooking soupe soup", "", "", "厨房 مطبخ"),
    WORDS(BED, "chambre bedroom bed dormir sleep hopital hospital oreiller pillow", "lit", "", "床 سرير"),
    WORDS(SHELF, "bibliotheque library bookshelf etagere librairie bookshop", "", "", "书架 مكتبة"),
    WORDS(ARMCHAIR, "fauteuil armchair canape sofa", "", "", "沙发"),
    WORDS(PIANO, "piano pianiste pianist", "", "", "钢琴 بيانو"),
    WORDS(LETTER, "lettre courrier enveloppe letter envelope postcard mail correspondance ecrire writing carnet notebook diary", "journal", "", "信 رسالة"),
    WORDS(BOOK, "livre livres roman book books novel reading", "lecture", "read", "书 كتاب"),
    WORDS(CAKE, "gateau tarte anniversaire cake birthday pie dessert bougies", "", "", "蛋糕 كعكة"),
    WORDS(BOUQUET, "bouquet vase", "", "", "花瓶 باقة"),
    WORDS(GUITAR, "guitare guitar musique music chanson song", "", "", "吉他 موسيقى"),
    WORDS(CUP, "tasse cafe thé coffee tea cup mug chocolat", "", "", "茶 咖啡 شاي قهوة"),
    WORDS(BREAD, "baguette bread croissant boulangerie bakery tartine", "pain", "loaf", "面包 خبز"),
    WORDS(FRUIT, "pomme pommes fruit fruits peche poire apple apples pear confiture jam cerise", "raisin", "", "苹果 水果 فاكهة"),
    WORDS(BOTTLE, "vin bouteille wine bottle champagne verre", "", "", "酒"),
    WORDS(CANDLE, "bougie bougies chandelle candle candles candlelight", "", "", "蜡烛 شمعة"),
    WORDS(CAMERA, "photo photos photographie camera photograph album", "", "", "照片 صورة"),
    WORDS(TELEPHONE, "telephone phone appel", "", "", "电话 هاتف"),
    WORDS(GIFT, "cadeau cadeaux gift noel christmas anniversaire birthday", "", "", "礼物 هدية"),
    WORDS(CLOCK, "horloge pendule clock", "", "", "钟"),
    WORDS(TREE_LIT, "noel christmas", "", "", "圣诞"),
    WORDS(SUITCASE, "valise valises bagage suitcase luggage", "", "", "行李"),
    WORDS(BALL, "ballon football ball", "", "", "球"),
    WORDS(RADIO, "radio gramophone tourne-disque", "", "", "收音机"),
#undef WORDS
};
// clang-format on

typedef struct Reader {
    Arena *arena;
    Str text;
    Words words;
    bool french, english; /* which of the two it may be */
    Scene *scene;
    int places[PLACES], hours[HOURS], seasons[SEASONS], weathers[WEATHERS];
} Reader;

static bool listed(const char *list, Str word) {
    for (Str rest = str_c(list), one; rest.len;) {
        rest = str_cut(rest, ' ', &one);
        if (str_eq(one, word)) return true;
        if (!rest.data) break;
    }
    return false;
}

static void language_guess(Reader *r) {
    static const char fr[] = "le la les un une des du et est dans avec sur pour je il elle nous "
                             "vous au aux qui que ce cette son sa ses mon ma mes en";
    static const char en[] = "the a an of and is was in with on for i he she we you at to who that "
                             "this his her my it by from";
    int french = 0, english = 0;
    for (ptrdiff_t i = 0; i < r->words.count; i++) {
        french += listed(fr, r->words.items[i].text);
        english += listed(en, r->words.items[i].text);
    }
    r->french = french >= english;
    r->english = english >= french;
}

/* Same word, its plural, or of the same stem; short words have no stem that is theirs alone. Words that are
 * written with an accent here must have it in the text too. */
static bool is_word(const Reader *r, Str entry, const Word *w) {
    for (ptrdiff_t i = 0; i < entry.len; i++)
        if ((unsigned char)entry.data[i] >= 0x80) {
            Str raw = str_slice(r->text, w->from, w->to);
            return str_eq_nocase(raw, entry) ||
                   (raw.len == entry.len + 1 &&
                    str_eq_nocase(str_slice(raw, 0, entry.len), entry) &&
                    raw.data[raw.len - 1] == 's');
        }
    if (str_eq(entry, w->text)) return true;
    if (entry.len < 3 || w->text.len < 3 || entry.data[0] != w->text.data[0]) return false;
    bool plural = w->text.len == entry.len + 1 && str_starts(w->text, entry);
    if (plural && (w->text.data[entry.len] == 's' || w->text.data[entry.len] == 'x')) return true;
    if (entry.len < 5 || w->text.len < 5) return false;
    char a[2 * WORD_MAX], b[2 * WORD_MAX];
    int a2, b2, an = word_stem(entry, a, &a2), bn = word_stem(w->text, b, &b2);
    return str_eq(str_of(a, an), str_of(b, bn)) ||
           (a2 && b2 && str_eq(str_of(a + an, a2), str_of(b + bn, b2)));
}

/* "cerf-volant" is two words of a text. */
static bool is_entry(const Reader *r, Str entry, ptrdiff_t at) {
    Str part;
    for (; entry.len; at++) {
        entry = str_cut(entry, '-', &part);
        if (at >= r->words.count || !is_word(r, part, &r->words.items[at])) return false;
    }
    return true;
}

static bool has_word(const Reader *r, const char *list, ptrdiff_t at) {
    for (Str rest = str_c(list), one; rest.len;) {
        rest = str_cut(rest, ' ', &one);
        if (one.len && is_entry(r, one, at)) return true;
        if (!rest.data) break;
    }
    return false;
}

/* "sans", "no" and so on just before it, with an article between at most; "en train de" is no train. */
static bool denied(const Reader *r, ptrdiff_t at) {
    if (at > 0 && str_eq(r->words.items[at].text, S("train")) &&
        str_eq(r->words.items[at - 1].text, S("en")))
        return at + 1 < r->words.count && listed("de d", r->words.items[at + 1].text);
    for (ptrdiff_t i = at - 1; i >= 0 && i >= at - 2; i--) {
        Str w = r->words.items[i].text;
        if (listed("no not without sans pas ni jamais never aucun aucune", w)) return true;
        if (!listed("de d le la les the a any un une", w)) return false;
    }
    return false;
}

static void vote(Reader *r, const Vocabulary *v) {
    Scene *s = r->scene;
    switch (v->speaks) {
    case FOR_THING:
        if (s->has[v->what] < VOTES) s->has[v->what]++;
        break;
    case FOR_PLACE: r->places[v->what]++; break;
    case FOR_HOUR: r->hours[v->what]++; break;
    case FOR_SEASON: r->seasons[v->what]++; break;
    case FOR_WEATHER: r->weathers[v->what]++; break;
    case FOR_MOOD: s->mood += v->what; break;
    }
}

static int occurrences(Str text, Str what) {
    int count = 0;
    for (ptrdiff_t at; count < VOTES && (at = str_find(text, what)) >= 0; count++)
        text = str_slice(text, at + what.len, text.len);
    return count;
}

static void vocabulary_read(Reader *r) {
    for (ptrdiff_t k = 0; k < COUNT(vocabulary); k++) {
        const Vocabulary *v = &vocabulary[k];
        for (Str rest = str_c(v->other), one; rest.len;) {
            rest = str_cut(rest, ' ', &one);
            for (int n = occurrences(r->text, one); n > 0; n--) vote(r, v);
            if (!rest.data) break;
        }
        for (ptrdiff_t i = 0; i < r->words.count; i++) {
            bool named = has_word(r, v->both, i) || (r->french && has_word(r, v->french, i)) ||
                         (r->english && has_word(r, v->english, i));
            if (named && !denied(r, i)) vote(r, v);
        }
    }
}

static int most(const int *votes, int count, int fallback) {
    int best = fallback, top = 0;
    for (int i = 0; i < count; i++)
        if (votes[i] > top) top = votes[best = i];
    return best;
}

/* Things that lie on tables or stand in rooms, when nothing says that it is out of doors. */
static int indoor_things(const Scene *s) {
    int sum = 0;
    for (int i = THING_TABLE; i < THING_COUNT; i++)
        if (i != THING_SUITCASE && i != THING_BALL && i != THING_CAMERA) sum += s->has[i] > 0;
    return sum;
}

static Place place_of_things(const Scene *s) {
    if (s->has[THING_BOAT] || s->has[THING_SHIP] || s->has[THING_LIGHTHOUSE]) return PLACE_COAST;
    if (s->has[THING_MARKET]) return PLACE_TOWN;
    if (s->has[THING_PALM]) return PLACE_COAST;
    if (s->has[THING_PINE] || s->has[THING_SNOWMAN]) return PLACE_MOUNTAINS;
    if (s->has[THING_BENCH] || s->has[THING_FLOWERS]) return PLACE_GARDEN;
    if (s->has[THING_TENT]) return PLACE_LAKE;
    for (int i = 0; i < THING_TABLE; i++)
        if (s->has[i] && i != THING_WOMAN && i != THING_MAN && i != THING_CHILD &&
            i != THING_CROWD && i != THING_SUN && i != THING_MOON && i != THING_STARS)
            return PLACE_HILLS;
    return PLACES;
}

static void place_decide(Reader *r) {
    Scene *s = r->scene;
    static const Place usual[] = {PLACE_HILLS, PLACE_COAST, PLACE_LAKE,  PLACE_MOUNTAINS,
                                  PLACE_RIVER, PLACE_TOWN,  PLACE_GARDEN};
    Place chance = usual[chance_mix(s->seed, 61) % (uint64_t)COUNT(usual)];
    int outside[PLACES];
    for (int i = 0; i < PLACES; i++) outside[i] = i == PLACE_ROOM ? 0 : r->places[i];
    Place named = (Place)most(outside, PLACES, PLACES);
    Place things = place_of_things(s);
    s->view = named != PLACES ? named : things != PLACES ? things : chance;
    int room = r->places[PLACE_ROOM] * 2 + indoor_things(s),
        out = named == PLACES ? (things != PLACES) : outside[named] * 2;
    s->place = room > out || (room == out && room >= 2) ? PLACE_ROOM : s->view;
    s->named = room > 0 || named != PLACES || things != PLACES;
    if (s->view == PLACE_RIVER && r->places[PLACE_CITY] > 0) s->view = PLACE_CITY;
    if (s->place == PLACE_RIVER) s->place = s->view;
}

Scene scene_read(Arena *arena, const DrawingTask *task) {
    Scene s = {.seed = str_hash(task->words), .look = task->look, .style = PAINT_ILLUSTRATION};
    static const char *const styles[] = {"illustration", "cinematic", "pastel", "realistic"};
    for (int i = 0; i < COUNT(styles); i++)
        if (str_eq(task->style, str_c(styles[i]))) s.style = (PaintStyle)i;
    Reader r = {.arena = arena,
                .text = str_slice(task->words, 0, READ_MAX),
                .words = {.arena = arena},
                .scene = &s};
    words_add(&r.words, r.text);
    language_guess(&r);
    vocabulary_read(&r);
    static const Hour usual[] = {HOUR_MORNING, HOUR_GOLDEN, HOUR_NOON,   HOUR_GOLDEN,
                                 HOUR_DUSK,    HOUR_DAWN,   HOUR_MORNING};
    uint64_t h = chance_mix(s.seed, 62);
    s.hour = (Hour)most(r.hours, HOURS, usual[h % (uint64_t)COUNT(usual)]);
    if (s.has[THING_FIREWORKS]) s.hour = HOUR_NIGHT;
    s.season = (Season)most(r.seasons, SEASONS,
                            chance_mix(s.look, 63) % 4 == 0 ? SEASON_SPRING : SEASON_SUMMER);
    r.weathers[WEATHER_CLEAR] = r.weathers[WEATHER_CLEAR] > 0 ? r.weathers[WEATHER_CLEAR] : 0;
    s.weather =
        (Weather)most(r.weathers, WEATHERS, h / 16 % 4 == 0 ? WEATHER_CLOUDS : WEATHER_CLEAR);
    if (s.weather == WEATHER_SNOW || s.has[THING_SNOWMAN]) s.season = SEASON_WINTER;
    place_decide(&r);
    return s;
}
