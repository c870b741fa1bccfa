/* SPDX-License-Identifier: Apache-2.0
 * What is said in the demo's sitting. Nobody of these exists, and nothing of it was ever said. */
#include "products/robian/demo.h"

enum { CHAIR, GARRIGUE, DELORME, SABATIER, KERVELLA };

const DemoSpeaker demo_speakers[] = {
    [CHAIR] = {"Mme la présidente", "9900001", "", "fr+f2", true},
    [GARRIGUE] = {"M. Paul Garrigue", "9900002", "", "fr+m3", false},
    [DELORME] = {"Mme Inès Delorme", "9900003", "", "fr+f4", false},
    [SABATIER] = {"M. Victor Sabatier", "9900004", "ministre des rivières et des ponts", "fr+m7",
                  false},
    [KERVELLA] = {"Mme Nolwenn Kervella", "9900005", "ministre des phares", "fr+f5", false},
};

// clang-format off
const DemoSpeech demo_speeches[] = {
    {"Questions au Gouvernement", CHAIR, "La séance est ouverte. L'ordre du jour appelle les questions au Gouvernement."},
    {NULL, CHAIR, "Je vous rappelle que cette séance est une démonstration : aucun de ces orateurs n'existe."},
    {"Entretien des ponts de pierre", CHAIR, "La parole est à Monsieur Paul Garrigue."},
    {NULL, GARRIGUE, "Ma question s'adresse à Monsieur le ministre des rivières et des ponts."},
    {NULL, GARRIGUE, "Dans ma circonscription, trois ponts de pierre attendent des travaux depuis l'hiver dernier."},
    {NULL, GARRIGUE, "Les autocars scolaires font un détour de vingt kilomètres, matin et soir."},
    {NULL, GARRIGUE, "Les communes ne peuvent pas payer seules la réparation des voûtes et des parapets."},
    {NULL, GARRIGUE, "Quand le fonds de sauvegarde des ponts sera-t-il enfin ouvert aux petites communes ?"},
    {NULL, CHAIR, "La parole est à Monsieur le ministre des rivières et des ponts."},
    {NULL, SABATIER, "Monsieur le député, vous avez raison : un pont fermé, c'est une vallée coupée en deux."},
    {NULL, SABATIER, "Nous avons inspecté huit cents ouvrages depuis le printemps ; cent vingt sont fragiles."},
    {NULL, SABATIER, "Le fonds de sauvegarde sera ouvert aux communes de moins de deux mille habitants dès janvier."},
    {NULL, SABATIER, "L'État prendra en charge les trois quarts des travaux, sans avance de trésorerie."},
    {NULL, SABATIER, "Pour les autocars scolaires, un pont provisoire sera posé avant les vacances d'hiver."},
    {NULL, CHAIR, "La parole est à Monsieur Paul Garrigue, pour une réplique."},
    {NULL, GARRIGUE, "Je prends acte de cette date, et je vous invite à venir voir les travaux commencer."},
    {"Avenir des phares du littoral", CHAIR, "La parole est à Madame Inès Delorme."},
    {NULL, DELORME, "Madame la ministre, les phares de nos côtes s'éteignent les uns après les autres."},
    {NULL, DELORME, "Les marins disposent de la navigation par satellite, mais une panne arrive vite en pleine tempête."},
    {NULL, DELORME, "En novembre, deux chalutiers n'ont retrouvé le chenal que grâce à un vieux feu à éclats."},
    {NULL, DELORME, "Les gardiens sont partis, les lentilles de Fresnel se fendent, et les escaliers rouillent."},
    {NULL, DELORME, "Allez-vous publier la liste des phares que l'État compte conserver ?"},
    {NULL, CHAIR, "La parole est à Madame la ministre des phares."},
    {NULL, KERVELLA, "Madame la députée, je suis fille de gardien, et je sais ce que vaut une lumière dans la nuit."},
    {NULL, KERVELLA, "La liste sera publiée le mois prochain : quatre-vingt-douze phares resteront allumés."},
    {NULL, KERVELLA, "Les lentilles seront restaurées par les ateliers de la marine, avec douze apprentis."},
    {NULL, KERVELLA, "Les autres phares seront confiés aux communes qui le souhaitent, avec une dotation d'entretien."},
    {NULL, KERVELLA, "Quant à l'énergie, chaque feu aura ses panneaux solaires et sa batterie de secours."},
    {NULL, CHAIR, "La parole est à Madame Inès Delorme, pour une réplique."},
    {NULL, DELORME, "Merci, Madame la ministre ; les pêcheurs compteront les lumières, une par une."},
    {"Bruit des passages à niveau", CHAIR, "La parole est à Monsieur Paul Garrigue, pour une seconde question."},
    {NULL, GARRIGUE, "Elle porte sur la sonnerie des passages à niveau, que l'on entend jusque dans les écoles."},
    {NULL, GARRIGUE, "Une sonnerie plus douce la nuit suffirait, et personne n'y perdrait en sécurité."},
    {NULL, SABATIER, "L'expérience sera conduite au printemps sur douze lignes, avec une mesure du bruit avant et après."},
    {NULL, SABATIER, "Les résultats seront publiés, et cette assemblée en débattra."},
    {"Clôture", CHAIR, "Nous avons terminé les questions au Gouvernement."},
    {NULL, CHAIR, "Prochaine séance, demain, à quinze heures. La séance est levée."},
};
// clang-format on
const ptrdiff_t demo_speech_count = COUNT(demo_speeches);
