/* SPDX-License-Identifier: Apache-2.0
 * The tables, grouped by weight, and the hash table that is made of them once. Words of two
 * languages that look alike are kept apart, because "pain" is bread in one of them. */
#include "products/veyl/lexicon.h"

#include <pthread.h>

typedef struct Group {
    WordRole role;
    int weight;
    const char *words;
} Group;

static const Group french[] = {
    {WORD_FEELING, 36,
     "adore adorer adorable adores adorons magnifique sublime merveilleux merveilleuse merveille "
     "exceptionnel exceptionnelle extraordinaire fantastique fabuleux fabuleuse parfait parfaite "
     "genial geniale geniaux incroyable splendide somptueux somptueuse epoustouflant "
     "epoustouflante "
     "divin divine grandiose formidable excellent excellente excellence"},
    {WORD_FEELING, 30,
     "aime aimer aimons aiment aimez amour amours amoureux amoureuse super superbe top ravi ravie "
     "ravissant ravissante bonheur heureux heureuse joie joyeux joyeuse delicieux delicieuse "
     "delice "
     "bravo magique magie passion passionnant passionnante emerveille emerveillee "
     "emerveillement enchante enchantee enchanteur brillant brillante eblouissant eblouissante "
     "impressionnant impressionnante inoubliable canon hallucinant regal victoire "
     "triomphe gagnant gagnante felicitations hilarant hilarante prodigieux savoureux savoureuse"},
    {WORD_FEELING, 22,
     "beau bel belle beaux beaute bon bonne bien merci content contente plaisir sourire sourires "
     "rire rires drole amusant amusante fete fetes celebrer succes reussi reussie reussite reussir "
     "gagne gagner gentil gentille genereux generosite fier fiere fierte chance chanceux joli "
     "jolie "
     "charmant charmante charme agreable elegant elegante elegance chic raffine raffinee doux "
     "douce "
     "douceur tendre tendresse calin bisou bisous paix espoir confiance confort confortable cool "
     "motive motivee motivation inspire inspirant inspirante inspiration enthousiaste satisfait "
     "satisfaite satisfaction precieux precieuse courage courageux courageuse talent talentueux "
     "talentueuse qualite efficace utile chaleureux chaleureuse bienveillant bienveillance ideal "
     "ideale interessant interessante remarquable soulage soulagee soulagement rassure rassurant "
     "bienvenue cadeau cadeaux offert offerte profiter profitez savourer apprecie apprecier "
     "recommande recommander recommandons meilleur meilleure mieux vivement hate plaisant "
     "prometteur prometteuse radieux radieuse epanoui epanouie paradis reve reves feerique "
     "lumineux lumineuse solidaire solidarite soutien optimiste sain saine"},
    {WORD_FEELING, 12,
     "facile simple pratique propre frais fraiche nouveau nouvelle nouveaute gratuit gratuite "
     "promo "
     "tranquille calme zen detente relax serein sereine vacances soleil ensoleille ami "
     "amis amie amitie famille ensemble partage partager decouverte decouvrir original originale "
     "creatif creative creativite juste honnete sincere clair claire correct correcte ok oui "
     "volontiers evidemment gourmand gourmande mignon mignonne chouette sympa sympathique vivant "
     "naturel naturelle durable innovant innovante moderne securite possible libre liberte"},
    {WORD_FEELING, -12,
     "difficile dur dure lent lente cher chere long longue complique compliquee probleme problemes "
     "souci soucis retard attente attendre fatigue fatiguee fatigant manque manquer absent oubli "
     "oublie perdu perdue perdre bizarre etrange moyen moyenne limite limitee froid gris pluie "
     "bruit sale vide doute doutes hesite inquiet inquiete inquietude stress stresse stressee "
     "pression rare non seul seule erreur erreurs faute fautes bof dommage desole desolee"},
    {WORD_FEELING, -22,
     "mal mauvais mauvaise triste tristesse decu decue decevant decevante deception nul nulle "
     "mediocre faible echec echoue echouer rate ratee rater colere fache fachee enerve enervee "
     "enervant enervante enerver agace agacant ennui ennuyeux ennuyeuse ennuie peur crainte "
     "effraye angoisse anxiete regrette regret regrets mensonge mensonges menteur menteuse mentir "
     "arnaque arnaques voleur vol trompe tromper faux fausse injuste injustice danger dangereux "
     "dangereuse risque malade maladie douleur douleurs douloureux souffrir souffrance pleure "
     "pleurer larmes crise critique critiquer dispute conflit casse cassee panne defaut defauts "
     "inutile incompetent incompetente honte honteux honteuse ridicule stupide bete idiot idiote "
     "moche laid laide vilain vilaine degrade pire plainte plaindre boycott scandale refuse "
     "refuser rejet detruit detruire gaspillage pollution pollue abus desagreable deplorable "
     "impoli irrespect irrespectueux mepris jaloux jalousie solitude abandonne abandonnee fuir"},
    {WORD_FEELING, -30,
     "deteste detester haine hair horrible horreur affreux affreuse atroce terrible pourri pourrie "
     "degueulasse degoute degoutant degoutante degout insupportable inadmissible inacceptable "
     "catastrophe catastrophique desastre desastreux cauchemar lamentable pathetique minable "
     "scandaleux scandaleuse furieux furieuse rage revoltant revolte violence violent violente "
     "agression agresse harcelement racisme raciste sexisme sexiste escroc escroquerie fraude "
     "trahison trahi mort morte deces deuil drame tragedie tragique guerre attentat crime"},
    {WORD_FEELING, -38,
     "abominable execrable immonde ignoble infame monstrueux monstrueuse assassin meurtre massacre "
     "torture viol ordure ordures salaud connard connasse merde merdique putain enfer infernal"},
    {WORD_NEGATION, 0, "ne n pas jamais rien aucun aucune sans ni personne guere"},
    {WORD_BOOSTER, 130,
     "tres trop si tellement vraiment extremement hyper ultra mega totalement completement "
     "absolument particulierement franchement enormement fort tout toute plus carrement grave"},
    {WORD_BOOSTER, 70,
     "peu assez plutot presque moyennement legerement relativement parfois moins"},
    {WORD_CONTRAST, 0, "mais cependant pourtant toutefois neanmoins"},
};

static const Group english[] = {
    {WORD_FEELING, 36,
     "adore adored adoring adorable amazing awesome brilliant exceptional excellent excellence "
     "extraordinary fantastic fabulous flawless gorgeous incredible magnificent marvelous "
     "marvellous "
     "masterpiece outstanding perfect perfection phenomenal spectacular stunning sublime superb "
     "wonderful breathtaking best"},
    {WORD_FEELING, 30,
     "love loved loves loving lovely happy happiest happiness joy joyful delighted delightful "
     "delicious beautiful beauty blessed bliss celebrate celebrated celebrating celebration cheer "
     "cheers congrats congratulations dazzling dream dreamy ecstatic elated enchanting epic "
     "excited "
     "exciting excitement glorious grateful great greatest heaven hilarious impressive impressed "
     "inspiring legendary magic magical paradise passion passionate proud stellar success "
     "successful super thrilled thrilling triumph unforgettable victory win winner winning won "
     "yay"},
    {WORD_FEELING, 22,
     "admire amuse amused amusing appreciate appreciated appreciation attractive better bonus "
     "brave "
     "bright calm care caring charming charm cheerful chic classy clever comfort comfortable comfy "
     "confident cool courage cozy creative cute dear easy elegant elegance enjoy enjoyed enjoying "
     "enjoyable enthusiastic fab faith favorite favourite fine flattering fresh friend friendly "
     "friends fun funny generous generosity genius gift glad good goodness gracious handsome "
     "healed "
     "healthy helpful honest hope hopeful hug hugs ideal improve improved improvement innovative "
     "interesting inspired inspiration kind kindness kiss laugh laughed laughing laughs luck lucky "
     "luxury motivated neat nice optimistic peace peaceful pleasant pleased pleasing pleasure "
     "positive praise precious pretty quality radiant recommend recommended relaxed relaxing "
     "relief "
     "reliable respect rewarding romantic safe satisfied satisfying sexy shine smile smiles "
     "smiling "
     "smart solid special strong stylish sunshine support supportive supporting sweet sweetest "
     "talent talented tasty thank thankful thanks thrive treasure trust useful vibrant warm "
     "welcome "
     "wise worth worthy wow yum yummy"},
    {WORD_FEELING, 12,
     "able active agree available balance clean clear convenient discover fair fast free freedom "
     "gain gentle growth holiday instant join like liked likes modern natural new okay ok original "
     "please practical quick ready rich share simple smooth sunny together true vacation valuable "
     "vivid weekend yes"},
    {WORD_FEELING, -12,
     "absent alone awkward bored boring broke busy cheap cold complain complained concern "
     "concerned "
     "confused confusing delay delayed difficult doubt doubtful dull exhausted expensive forgot "
     "gloomy hard late lack lacking limited long lose losing lost mess messy miss missed missing "
     "no "
     "odd old overpriced problem problems rain rough slow sorry stress stressed stressful strange "
     "struggle stuck tired tough unclear unfortunately unsure waiting weak weird worried worry "
     "wrong"},
    {WORD_FEELING, -22,
     "abandoned abuse abused accident afraid aggressive anger angry annoy annoyed annoying anxiety "
     "anxious argue ashamed bad badly blame bleak boycott breach broken bug buggy bully complaint "
     "complaints corrupt crash crashed crashes crisis critic criticism cruel cry cried crying "
     "damage "
     "damaged danger dangerous dead defect defective denied depressed depressing desperate destroy "
     "destroyed dirty disagree disappoint disappointed disappointing disappointment dislike "
     "disorder "
     "dishonest disrespect disrespectful dumb embarrassed embarrassing error errors evil fail "
     "failed "
     "failing fails failure fake fault faulty fear fearful fight foolish fraudulent frustrated "
     "frustrating frustration greedy grief guilty harm harmful hopeless hostile hurt hurts hurting "
     "idiot ignorant ill inadequate inferior injured injury insult insulting jealous lame lazy "
     "liar "
     "lie lied lies lonely loser loss mad mean mistake mistakes neglected negative nervous "
     "nonsense "
     "offended offensive outrage pain painful panic pathetic pity poor poorly poverty regret "
     "reject "
     "rejected ridiculous rude ruin ruined sad sadly sadness scam scared scary shame shameful "
     "shock "
     "sick sickness spam stolen stupid suck sucked sucks suffer suffered suffering suspicious "
     "tears "
     "terrified threat toxic trouble ugly unacceptable unfair unhappy unhealthy unreliable unsafe "
     "upset upsetting useless victim violate waste wasted weep worse wound"},
    {WORD_FEELING, -30,
     "appalling atrocious awful catastrophe catastrophic crap dreadful devastated devastating "
     "died dies death disaster disastrous disgust disgusted disgusting furious garbage hate hated "
     "hates hateful hating hatred hideous horrible horrid horrific horror inexcusable kill killed "
     "killing kills murder nightmare rage racist racism sexist terrible terror tragedy tragic "
     "trash "
     "unbearable violence violent war worst worthless"},
    {WORD_FEELING, -38,
     "abomination abhorrent abysmal bastard bullshit despicable fuck fucked fucking hell massacre "
     "monstrous rape repulsive shit shitty torture vile"},
    {WORD_NEGATION, 0,
     "not no never none nobody nothing neither nor without hardly barely cannot dont doesnt didnt "
     "isnt arent wasnt werent wont wouldnt shouldnt couldnt cant aint havent hasnt hadnt"},
    {WORD_BOOSTER, 130,
     "very so really truly extremely absolutely totally completely utterly incredibly insanely "
     "particularly especially too super highly deeply most more damn freaking"},
    {WORD_BOOSTER, 70,
     "slightly somewhat rather quite fairly kinda sorta almost little less partly"},
    {WORD_CONTRAST, 0, "but however although though yet nevertheless"},
};

typedef struct Emoji {
    int32_t code;
    int weight;
} Emoji;

/* By code point, for the binary search. Skin tones, genders and joiners are passed over. */
static const Emoji emojis[] = {
    {0x2620, -12},  {0x2639, -22},  {0x263A, 22},   {0x2665, 30},   {0x26A0, -12},  {0x2705, 12},
    {0x270C, 12},   {0x2728, 15},   {0x274C, -15},  {0x2764, 30},   {0x2B50, 15},   {0x1F308, 15},
    {0x1F31E, 15},  {0x1F31F, 18},  {0x1F380, 12},  {0x1F381, 15},  {0x1F382, 15},  {0x1F389, 25},
    {0x1F38A, 25},  {0x1F3C6, 22},  {0x1F44D, 20},  {0x1F44E, -22}, {0x1F44F, 22},  {0x1F480, -5},
    {0x1F483, 15},  {0x1F485, 8},   {0x1F48B, 22},  {0x1F490, 18},  {0x1F493, 28},  {0x1F494, -28},
    {0x1F495, 30},  {0x1F496, 30},  {0x1F497, 30},  {0x1F498, 30},  {0x1F499, 28},  {0x1F49A, 28},
    {0x1F49B, 28},  {0x1F49C, 28},  {0x1F49D, 30},  {0x1F49E, 30},  {0x1F4A9, -25}, {0x1F4AA, 18},
    {0x1F4AF, 22},  {0x1F525, 18},  {0x1F595, -35}, {0x1F5A4, 18},  {0x1F600, 22},  {0x1F601, 22},
    {0x1F602, 22},  {0x1F603, 22},  {0x1F604, 25},  {0x1F605, 10},  {0x1F606, 20},  {0x1F607, 22},
    {0x1F609, 12},  {0x1F60A, 25},  {0x1F60B, 22},  {0x1F60C, 15},  {0x1F60D, 34},  {0x1F60E, 18},
    {0x1F60F, 8},   {0x1F610, -5},  {0x1F611, -8},  {0x1F612, -15}, {0x1F613, -12}, {0x1F614, -18},
    {0x1F615, -12}, {0x1F616, -18}, {0x1F618, 30},  {0x1F619, 22},  {0x1F61A, 22},  {0x1F61B, 15},
    {0x1F61C, 15},  {0x1F61E, -22}, {0x1F61F, -20}, {0x1F620, -26}, {0x1F621, -32}, {0x1F622, -22},
    {0x1F623, -18}, {0x1F624, -18}, {0x1F625, -18}, {0x1F628, -20}, {0x1F629, -18}, {0x1F62A, -12},
    {0x1F62B, -20}, {0x1F62C, -10}, {0x1F62D, -12}, {0x1F630, -20}, {0x1F631, -20}, {0x1F633, -5},
    {0x1F634, -5},  {0x1F637, -15}, {0x1F641, -20}, {0x1F642, 12},  {0x1F644, -15}, {0x1F64C, 22},
    {0x1F64F, 12},  {0x1F90D, 25},  {0x1F90E, 22},  {0x1F917, 22},  {0x1F91D, 15},  {0x1F922, -28},
    {0x1F923, 22},  {0x1F929, 32},  {0x1F92C, -35}, {0x1F92E, -32}, {0x1F92F, 10},  {0x1F970, 34},
    {0x1F973, 28},  {0x1F97A, 5},   {0x1F9E1, 28},  {0x1FA77, 28},
};

/* -- the hash table --------------------------------------------------------------------------- */

enum { SLOTS = 4096 };

typedef struct Slot {
    Str word;
    LexiconWord meaning;
} Slot;

static Slot tables[TONGUE_COUNT][SLOTS];
static ptrdiff_t sizes[TONGUE_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static Slot *slot_of(Tongue tongue, Str word) {
    uint64_t at = str_hash(word);
    while (true) {
        Slot *slot = &tables[tongue][at % SLOTS];
        if (str_is_null(slot->word) || str_eq(slot->word, word)) return slot;
        at++;
    }
}

static void group_load(Tongue tongue, const Group *group) {
    for (Str rest = str_c(group->words), word; !str_is_null(rest);) {
        rest = str_cut(rest, ' ', &word);
        Slot *slot = slot_of(tongue, word);
        if (!str_is_null(slot->word)) continue; /* the first group named wins */
        assert(sizes[tongue] < SLOTS / 2);
        *slot = (Slot){word, {group->role, group->weight}};
        sizes[tongue]++;
    }
}

static void tables_make(void) {
    /* What turns or bends others comes first, so that no feeling of the same word hides it. */
    for (int feelings = 0; feelings <= 1; feelings++) {
        for (ptrdiff_t i = 0; i < COUNT(french); i++)
            if ((french[i].role == WORD_FEELING) == feelings) group_load(TONGUE_FRENCH, &french[i]);
        for (ptrdiff_t i = 0; i < COUNT(english); i++)
            if ((english[i].role == WORD_FEELING) == feelings)
                group_load(TONGUE_ENGLISH, &english[i]);
    }
}

static const LexiconWord *exactly(Tongue tongue, Str word) {
    const Slot *slot = slot_of(tongue, word);
    return str_is_null(slot->word) ? NULL : &slot->meaning;
}

const LexiconWord *lexicon_word_find(Tongue tongue, Str folded) {
    assert(tongue < TONGUE_COUNT);
    pthread_once(&once, tables_make);
    const LexiconWord *found = exactly(tongue, folded);
    Str stem = folded;
    if (!found && stem.len > 4 &&
        (stem.data[stem.len - 1] == 's' || stem.data[stem.len - 1] == 'x')) {
        stem.len--;
        found = exactly(tongue, stem);
    }
    if (!found && tongue == TONGUE_FRENCH && stem.len > 4 && stem.data[stem.len - 1] == 'e') {
        stem.len--;
        found = exactly(tongue, stem);
    }
    if (!found && tongue == TONGUE_ENGLISH && stem.len > 5 && str_ends(stem, S("ly"))) {
        stem.len -= 2;
        found = exactly(tongue, stem);
    }
    /* Endings are looked through for feelings only: `tous` is no booster. */
    return found && found->role != WORD_FEELING && stem.len != folded.len ? NULL : found;
}

int lexicon_emoji(int32_t code_point) {
    ptrdiff_t low = 0, high = COUNT(emojis);
    while (low < high) {
        ptrdiff_t middle = low + (high - low) / 2;
        if (emojis[middle].code == code_point) return emojis[middle].weight;
        if (emojis[middle].code < code_point)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

ptrdiff_t lexicon_size(Tongue tongue) {
    pthread_once(&once, tables_make);
    return sizes[tongue];
}
