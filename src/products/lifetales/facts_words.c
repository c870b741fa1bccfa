/* SPDX-License-Identifier: Apache-2.0
 * Words that begin sentences and are no names, French and English, folded; and words that look like names
 * or are names as well. What is not here and in no note is taken for a name where a capital says so. */
#include "products/lifetales/facts_room.h"
#include "search/language.h"

static const char *const french[] = {
    " abord absolument accompagne actuellement adieu ah aie ailleurs aime aimer allez allons alors "
    "ami amie amis "
    "ancien annee annees apparemment apres aprem arrive arrivee arrivees arrives assez assis "
    "assise attention "
    "attendre attends au aucun aucune aujourd aupres auparavant auquel aurait aussi aussitot "
    "autant autour autre "
    "autrefois autres aux avais avait avant avec avoir avons bah bas beau beaucoup bel belle bien "
    "bientot bizarre "
    "bon bonheur bonjour bonne bonnes bons bonsoir bref bravo brusquement car ce ceci cela celle "
    "celles celui "
    "cependant certain certaine certains certes ces cet cette ceux chacun chacune chaque cher "
    "chere chers chez "
    "choses ciel combien comme comment constamment content contente contre couche couchee coucher "
    "courage croyez "
    "curieusement curieux dans davantage de debut decidement dedans dehors deja demain demande "
    "depart depuis "
    "dernier derniere dernieres derniers derriere des desormais dessous dessus devant devine "
    "devoir dieu difficile "
    "diner dimanche dire dis disons dit dites donc donnez dont dormir du durant eau ecoute ecoutez "
    "ecrire ecrit "
    "effectivement eh elle elles encore enfin enormement ensemble ensuite entendu entre entree "
    "environ envie "
    "espoir est et etait etaient etant ete etes etonnant etrange etre eu eux evidemment exactement "
    "excellent "
    "extraordinaire fait faites fatigue fatiguee faudrait faut faute femme femmes fin finalement "
    "fini foi fort "
    "franchement froid furieux furieuse garde gens grace grand grande grandes grands gros guere ha "
    "hein helas "
    "heu heure heureuse heureusement heureux heures hier hop hors homme hommes ici idee il ils "
    "imagine imaginez "
    "immense immobile impossible inutile jadis jamais je jour journee journees jours joie joli "
    "jolie jusque "
    "justement juste la laissez laquelle le leger legere lendemain lentement lequel les lesquels "
    "leur leurs levee "
    "lever leve loin long longtemps longue lors lorsque lui ma madame mademoiselle magnifique "
    "maintenant mais "
    "maison mal malgre malheur malheureusement maman matin mauvais mauvaise me meilleur meilleure "
    "meme merci mere ",
    " mes mesdames messieurs mettre midi mieux mil milieu minuit moi moins moment mon monde "
    "monsieur moyen naturel "
    "naturellement ne neanmoins ni noir non nos notre nous nouveau nouvel nouvelle nouvelles nul "
    "nulle nuit nuits "
    "o oh oncle on or ou oui outre ouf paraitre parait papa par parce parfois parle parmi partie "
    "parti partis "
    "partir partout pas passe passer pauvre pauvres pendant penser pere personne petit petite "
    "petites petits peu "
    "peur peut peux plein plus plusieurs plutot point porte possible pour pourquoi pourrai "
    "pourrait pourtant "
    "pourvu pouvoir prenez pres presque premier premiere probablement prochain prochaine promenade "
    "promene puis "
    "puisque qu quand quant que quel quelle quelles quelqu quelque quelques quelquefois quels qui "
    "quiconque quoi "
    "quoique rarement refuse regarde regardez rendez rentre rentree rentrer repas reste rester "
    "resultat retour "
    "retrouver reveil reveille reveillee revenir revenus ridicule rien rire rue sa sache sais "
    "salut sans "
    "sauf savez savoir se secret selon semaine sept ses seul seule seulement seuls si silence "
    "sinon sitot soeur "
    "soir soiree soirees soit soleil son sont sorte sorti sortie sortir soudain soudainement "
    "souvenir souvent "
    "suis suite suivant suivent sur surement surtout ta tandis tant tante tantot tard te tel telle "
    "tellement "
    "telles temps tes tiens tot toi ton tous tout toute toutefois toutes train travail travaille "
    "travailler "
    "tres triste tristement tristesse trop trouver tu un une unique va vais vas vers veut veux "
    "vient vieille "
    "vieux vie vilain ville visite vite vivement voici voila voir vois vos votre vouloir vous "
    "voyage voyez "
    "voyons vrai vraie vraiment vu y cousine cousin frere freres soeurs parents enfants "
    "enfant fille filles fils garcon chien chat mer plage montagne pluie neige vent nuage nuages "
    "lumiere table "
    "dejeuner souper musique danse bal lettre livre photo photos images maisons cuisine chambre "
    "jardin arbre "
    "arbres fleurs fleur route chemin village rues ciel etoiles lune brume chaleur depeche quinze "
    "seize trente "
    "quarante cent mille dix vingt onze douze treize malade impatient impatiente ravie ravi "
    "etonnee etonne "
    "partie partis arrives montee descendu descendue descendus entres entre sortis assises debout "
    "aupres faisant "
    "ayant prenant voyant sachant disant allant venant donnant parlant riant chantant accablee "
    "chose avis argent "
    "quelle meme hormis lasse rendu apprendre vivre mourir chercher trouve manger boire "
    "trois deux quatre cinq six sept huit neuf vingts seconds moitie parfait bienvenue "
    "felicitations pardon ",
};

/* How one is, or was made by what happened. */
static const char *const moods[] = {
    " abattu abattue absorbe absorbee accable accueillis admirable affaibli affaiblie "
    "affame affamee affreux agace agacee agite agitee aide aigri aigrie alarme alarmee "
    "allonge allongee ambiance amer amere amuse amusee amuses angoisse angoissee annonce "
    "apaise apaisee apparition arme assaillie assaut attendri attendrie attire attiree "
    "attriste attristee aube aucunement audace autrement averti avertie bavarde blesse "
    "blessee blottie bouleversant bouleverse bouleversee bravement brise brisee brulant "
    "calme calmes captive captivee cauchemar chagrin chance charmant charmante charme "
    "charmee chaud chaude clair colere combien comble commencement comprendre conclusion "
    "confiant confiante confus confuse conscient consciente consterne consternee "
    "convaincu convaincue coup court courte cruel cruelle curiosite danger deborde "
    "debordee decision decor decourage decouragee decouverte decu decue degoute degoutee "
    "delicat delicate delicieux delivre delivree desarmee desespere desesperee desespoir "
    "desir desole desolee desordre destin determine determinee deuil deuxiemement "
    "devastee difference direction discours distrait distraite docile douce doucement "
    "douleur doux drole echec eclair eclat ecoeuree ecrase ecrasee effraye effrayee "
    "effroi egare egaree elegant elegante eloigne eloignee emerveille emerveillee emotion "
    "emu emue emues emus encourage encouragee endormi endormie enerve enervee enferme "
    "enfermee enivree enjouee ennui ennuyee enrage enragee enthousiaste entoure entouree "
    "envahi envahie envoutee eperdue epuise epuisee epuises espoirs esprit etape "
    "eternelle etourdi etourdie etude eveille eveillee evenement exaspere exasperee "
    "excite excitee exquis faible faim famille fascine fascinee fidele fidelement fier "
    "fiere fievre fievreuse fige figee flanquee flatte flattee folie folle force forcee "
    "fou foule fraiche frais frappe frappee frustre frustree fuite gai gaie gene genee "
    "gentil gentille gourmande grave grise gueri guerie habille habillee habitude hantee "
    "hasard hate hesitant hesitante histoire honteuse honteux horreur horrible humeur "
    "humide humilie humiliee idees ignoble illuminee illusion impression impuissante "
    "inconsolable incroyable indifferent indifferente indigne indignee infatigable "
    "inquiet inquiete insouciante installe installee instant intrigue intriguee invite "
    "invitee ironie irrite irritee isole isolee ivre jalouse jaloux jeune jeunesse "
    "joyeuse joyeux larmes lasse lassee leve liberee libre loge lourd lourde lucide "
    "maladie malice manque marque melancolie melancolique menace merveille merveilleux "
    "misere moitie moquerie mort morte muet muette mystere mysterieux naive nerveuse "
    "nerveux nostalgie nostalgique nue oblige obligee obscure obscurite obsedee occasion "
    "occupe occupee offensee opera orage oublie oubliee paisible paix paralysee passion "
    "patience patiente pensee pensees pensive perdu perdue pied place plaisir pleurs "
    "porte portee posee pousse poussee precisement presence presse pressee pret prete "
    "preuve prise prix profond profonde promesse prudente puissance punie question "
    "radieuse radieux rage raison rassure rassuree ravie recit reconnaissante regret "
    "rejouie rencontre renseignee reponse repos reputee resigne resignee resolu resolue "
    "respectueuse restee revee revolte revoltee riche richesse rires rouge rougissante "
    "ruse sage saisi saisie satisfait satisfaite scene secouee seduite semblable sensible "
    "serein sereine serieuse serieux serree silencieuse silencieux simple sincere "
    "situation soif solitude sombre somme songeuse sort souci soucieuse souffle "
    "souffrante soulage soulagee soumise soupir sourire stupefait stupefaite succes "
    "surpris surprise tenace tendre tendresse tentee terreur terrible terrifiee timide "
    "touche touchee tourmente tourmentee tourne trahi trahie tranquille transportee "
    "traversee tremblante triomphante trompee trouble troublee troubles unis vague "
    "vaincue vaine vainqueur vanite vaste vexe vexee victime vide vif violence violente "
    "visage vive voix voyageuse ",
};

static const char *const english[] = {
    " a able about above accordingly across actually after afternoon afterwards again against ago "
    "ah alas alike "
    "all almost alone along already also although always am amazing amid among an and another any "
    "anybody anyhow "
    "anyone anything anyway apart apparently are around arrived as ashore aside ask asked asleep "
    "at ate away "
    "awake back bad bah be beautiful became because become bed been before began begin behind "
    "being believe "
    "below beneath beside besides best better between beyond big birds both bread breakfast bright "
    "bring brought "
    "brother brothers but by called came can cannot carried certainly check cheers children church "
    "clear clearly "
    "close clouds coffee cold come comes coming commissioners cooked could cousin curious "
    "currently dad dance "
    "dark darkness dark daughter dawn day days dear definitely despite did dinner dined do does "
    "dog dogs done "
    "door down drank dressed drink drove during each earlier early eat eating eight either eleven "
    "else enough "
    "especially even evening eventually ever every everybody everyone everything everywhere "
    "evidently exactly "
    "except excellent exhausted far farewell father fearing feel feeling felt few fifteen fifty "
    "finally fine "
    "finished fire first five fleet flowers following food for forget former fortunately forty "
    "forward found "
    "four friend friends from full funny further gave generally get getting girl girls give given "
    "glad go god "
    "goes going gone good goodbye got grandfather grandmother granny great ground had half happily "
    "happy hardly "
    "has hate have having he head hear heard hell hello help hence her here hers herself hi high "
    "him himself his "
    "home honestly hope hot hour hours house how however hundred hundreds hungry hurry husband i "
    "if ill imagine "
    "immediately in indeed inside instead into is it its itself joined just keep kept kind kitchen "
    "knew know "
    "known lady large last late lately later laughter lay least leave leaving left less let letter "
    "letters life "
    "light like likely listen little living long look looked looking lots loud love lovely low "
    "luckily lunch ",
    " made magical mainly make making man many maybe me mean meaning meanwhile meet men merry met "
    "midnight might "
    "mine minutes miserable moment money month months moon more moreover morning most mostly "
    "mother mum mummy "
    "much music must my myself naturally near nearby nearly need neighbours neither never "
    "nevertheless new news "
    "next nice night nights nine no nobody none nonetheless noon nor normally not nothing "
    "notwithstanding now "
    "nowadays nowhere obviously occasionally of off often oh ok okay old on once one ones only "
    "onto open opposite "
    "or ordinary other others otherwise ought our ours out outside over own parents partly past "
    "peace people "
    "perfect perhaps photos place places please plenty poor possibly pray present presently pretty "
    "previously "
    "prices probably put quick quickly quiet quietly quite rain rainy raining rather reached read "
    "ready real "
    "really recently remember resting returned returning right river road room rose running sad "
    "sadly said sail "
    "same sat saw say saying seaside school sea second see seeing seems seen send sent set seven "
    "several shall "
    "she ships short should show sick side silence similarly simply since sing sir sister sisters "
    "six sleep "
    "slept slowly small smiling snow so some somebody someday somehow someone something sometimes "
    "somewhere son "
    "soon sorry spent spoke spring stars start started still stood stop stopped straight strange "
    "streets such "
    "suddenly summer sun sunny sunlight sunrise sunset supper supposedly surely surprisingly sweet "
    "swimming "
    "table take taken taking talk talked talking tea tears tell ten thank thanks that the their "
    "them then thence "
    "there thereafter therefore thereupon these they thing things think thinking third this "
    "thither those though "
    "thought thousands three through throughout thus till time times tired to today together told "
    "tomorrow "
    "tonight too took top towards town train travelling trees truly try trying turning twelve "
    "twenty twice two "
    "ugly unable uncle under underneath unfortunately unless unlike until up upon upstairs us use "
    "used usually "
    "very view wait waited waiting wake walk walked walking want wanted warm was watching water "
    "waves we weather "
    "week weeks weekend well went were what whatever when whence whenever where whereas wherever "
    "wherein whereupon "
    "whether which whichever while whilst whither who whoever whole whom whose why wife will wind "
    "window wine "
    "winter wish with within without woke woman women wonderful wondering words work worked "
    "working world worse "
    "worst would wow write writing wrote yeah year years yes yesterday yet you young your yours "
    "yourself zero "
    "abroad accounts ambassador ambassadors army bells boats captain chaos children commanded corn "
    "council "
    "country couldnt court ears eyes faces fear fishing games gardens guests guns hands horses "
    "houses infinite "
    "king kings lights little lord lords money mountains nature office officers orders pictures "
    "plans plague "
    "queen rumours sailors seamen servants soldiers stories strangers thunder trade troops "
    "visitors voices "
    "wet whole windy ",
};

static const char *const english_moods[] = {
    " absorbed admittedly afraid aged alarmed alert ambition amused amusement anger angry "
    "annoyed anxiety anxious appalled armed ashamed astonished astounded awed awkward "
    "badly bare barely battered beaten bemused betrayed bewildered bitter blessed blind "
    "bold bored bound brave breathless brief briefly broken bruised business calm calmed "
    "captivated careful carefully caught caution cautious chance change charmed cheerful "
    "chilled choice chosen comfort comforted confident confused conscious content "
    "contented convinced courage crowds crushed curiosity curious dazed dazzled deep "
    "deeply defeated defiant delicious delight delighted despair desperate determined "
    "devastated disappointed disaster disgusted dismayed distracted distraught disturbed "
    "doubt dozens dread driven drunk dull dusk duty eager ears easily east elated "
    "elsewhere embarrassed emboldened empty enchanted encouraged endless energy enraged "
    "enthralled envious equally even events evidence exactly excited excitement fair "
    "faithful fame family famished fascinated fast fate fatigue favourite fear fearful "
    "feverish fierce filled firm flattered foolish forced forever fortune free freed "
    "fresh friendly frightened frozen frustrated furious games gentle gladly gloomy "
    "glorious graceful grateful grave grief grim guided guilt guilty harsh haunted "
    "heartbroken heartened heat heavy hesitant hidden history honest honoured hopeful "
    "horrified horror huge humbled humiliated hurt idle ignored impatient impressed "
    "incredible indignant inspired intent intrigued irritated jealous joined joyful keen "
    "laden laughing lazy leaden legend lest lies lifted literally lone lonely longing "
    "loose lost loyal luck lucky mad marked meals melancholy memories mercy mighty mild "
    "mindful misery mixed modest mournful moved moving mystery naked name nervous nobly "
    "noise north nostalgia nostalgic numb oblivious obsessed odd oddly offended opposed "
    "overall overcome overjoyed overwhelmed pain pale patience patient peaceful perplexed "
    "persistent petrified picture pity plain pleased pleasure polite poor possessed "
    "praise preoccupied pressed pride private promise proof proud provoked puzzled quick "
    "rage rare ravenous refreshed regret relieved reluctant remarkable renewed resigned "
    "resolute resolved respect restless revived rich rough ruined rumour safe satisfied "
    "scarcely scared seated secret secure seized selfish serious settled shaken shame "
    "sharp sheer shocked shy sickened silent silly simple sincere sleepless sleepy smart "
    "smooth sober soft solemn solitary somewhat sorrow sound south spellbound spirits "
    "spite startled starved steady stirred stormy strong struck stubborn stunned sure "
    "surprise surprised surrounded swift sympathetic tempted tense terrified terror thin "
    "thirsty thoughtful thoughtless thrilled throngs tight timid tormented torn touched "
    "tough tranquil trapped trembling troubled true trusting truth turned uncertain "
    "uneasy unhappy unmoved untouched upset utter vague vain vast vexed victory violent "
    "vivid voyage vulnerable warned wary weak weary weird welcome west wicked wide wild "
    "willing wise witness wounded wrapped wretched ",
};

bool word_is_common(Str word) {
    if (word_is_stop(word)) return true;
    for (int i = 0; i < 2; i++)
        if (word_among(french[i], word) || word_among(english[i], word)) return true;
    return word_among(moods[0], word) || word_among(english_moods[0], word);
}

bool word_is_title(Str word) {
    return word_among(
        " mr mrs ms miss mister sir madam madame mme mlle melle monsieur mesdames messieurs mm m "
        "dr doctor docteur st saint sainte dieu god lord majesty majeste highness altesse ok okay "
        "i a o oh ah tv pm am ",
        word);
}

bool word_is_name_too(Str word) {
    return word_among(
        " rose grace hope will mark pierre marguerite violette olive claire blanche victor dawn "
        "faith joy iris lily daisy ruby amber bill jack art frank rich miles reine fleur "
        "victoire prudence constance clemence modeste colombe celeste aurore ambre perle "
        "capucine ange desire juste felicite marine ",
        word);
}

/* The name in one language, then what else it and its people are called. */
static const char *const abroad[][5] = {
    {"london", "londres", "londonien", "londoner", "londoners"},
    {"vienna", "vienne", "viennois", "viennoise", "viennese"},
    {"rome", "roma", "romain", "roman", "romaine"},
    {"venice", "venise", "venitien", "venetian", "venitienne"},
    {"geneva", "geneve", "genevois", "genevan", ""},
    {"moscow", "moscou", "moscovite", "muscovite", ""},
    {"brussels", "bruxelles", "bruxellois", "", ""},
    {"lisbon", "lisbonne", "lisboa", "", ""},
    {"naples", "napoli", "napolitain", "neapolitan", ""},
    {"florence", "firenze", "florentin", "florentine", ""},
    {"paris", "parisien", "parisienne", "parisian", "parisiens"},
    {"england", "angleterre", "english", "anglais", "anglaise"},
    {"france", "french", "francais", "francaise", "frenchman"},
    {"spain", "espagne", "spanish", "espagnol", "spaniard"},
    {"germany", "allemagne", "german", "allemand", "germans"},
    {"italy", "italie", "italian", "italien", "italienne"},
    {"russia", "russie", "russian", "russe", "russes"},
    {"holland", "hollande", "dutch", "hollandais", "dutchman"},
    {"netherlands", "dutch", "neerlandais", "hollande", ""},
    {"sweden", "suede", "swedish", "suedois", "suedoise"},
    {"switzerland", "suisse", "swiss", "suisses", ""},
    {"europe", "european", "europeen", "europeenne", ""},
    {"america", "amerique", "american", "americain", "americaine"},
    {"christmas", "noel", "xmas", "", ""},
    {"easter", "paques", "", "", ""},
};

Str word_abroad(Str word, int which) {
    enum { NAMES = 5, OTHERS = NAMES - 1 };
    int seen = 0;
    if (word.len < 4) return (Str){0};
    for (ptrdiff_t i = 0; i < COUNT(abroad); i++)
        for (int k = 0; k < NAMES; k++) {
            if (!str_eq(str_c(abroad[i][k]), word)) continue;
            if (which < seen + OTHERS) {
                int at = which - seen;
                return str_c(abroad[i][at < k ? at : at + 1]);
            }
            seen += OTHERS;
        }
    return (Str){0};
}
