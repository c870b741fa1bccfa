/* SPDX-License-Identifier: Apache-2.0
 * What the demo's people have noted. All of it is made up: people, houses, boats, the lighthouse. */
#include "products/lifetales/demo.h"

#include "core/base.h"

static const DemoNote kerlann[] = {
    {.at = "2025-09-06 18:10",
     .title = "L'arrivée",
     .text = "Le train de 11 h 53 a déposé tout le monde sous la pluie à Quimperlé. Yann Le Goff "
             "m'attendait avec sa camionnette bleue et un parapluie cassé. La clé de Kerlann pèse "
             "presque une livre et tourne à l'envers, comme autrefois. Dans la cuisine, le calendrier "
             "de ma grand-mère Jeanne est resté sur mars 2019.",
     .place = "Kerlann"},
    {.at = "2025-09-06 22:30",
     .title = "La première nuit",
     .text = "Il est dix heures et demie du soir. La maison craque de partout. J'ai compté onze bruits "
             "différents avant de reconnaître le volet de l'escalier. Demain, je l'attache avec une "
             "ficelle.",
     .spoken = true},
    {.at = "2025-09-07 09:15",
     .title = "Le jardin",
     .text = "L'herbe monte jusqu'aux genoux et le pommier penche sur le puits. J'ai cueilli six figues "
             "mûres avant les merles.",
     .picture = "jardin, pommier, puits, maison de pierre, matin, été",
     .place = "Kerlann"},
    {.at = "2025-09-07 21:40",
     .title = "La lune rouge",
     .text = "La lune s'est levée déjà rouge au-dessus de la ria, vers neuf heures moins vingt. Yann "
             "avait apporté ses jumelles ; Madame Riou, des crêpes et un banc. Nous sommes restés tous "
             "les trois jusqu'à la fin de l'éclipse."},
    {.at = "2025-09-08 08:30",
     .title = "Trois ardoises",
     .text = "Trois ardoises sont tombées dans la nuit. Monsieur Cadiou, le couvreur, demande 640 euros "
             "et ne peut pas venir avant le 18 septembre. En attendant, j'ai posé deux bassines au "
             "grenier."},
    {.at = "2025-09-08 17:00",
     .title = "La malle",
     .text = "Derrière les bassines, une malle. Dedans, quarante-sept lettres nouées d'un ruban vert, "
             "une montre arrêtée à 4 h 20 et un carnet de recettes. Les lettres vont d'avril 1961 à "
             "novembre 1962. Elles sont toutes signées Auguste."},
    {.at = "2025-09-08 23:05",
     .title = "Auguste",
     .text = "J'ai lu les dix premières lettres. Auguste était gardien de phare, au large. Il écrit à "
             "Jeanne qu'il voit sa fenêtre depuis la lanterne, et qu'il fait cligner la lampe pour elle. "
             "Personne ne m'a jamais parlé d'un Auguste.",
     .spoken = true},
    {.at = "2025-09-09 11:20",
     .title = "Au marché",
     .text = "Le mardi, le marché tient sur une seule place. J'ai pris un kilo de praires, deux "
             "artichauts et un far encore tiède. Madame Riou a connu ma grand-mère à l'école ; au nom "
             "d'Auguste, elle a changé de conversation.",
     .picture = "marché, place du village, étals, gens, matin, soleil",
     .place = "Moëlan"},
    {.at = "2025-09-10 13:45",
     .title = "La grande marée",
     .text = "Coefficient 105. La mer s'est retirée si loin que la plage n'en finissait plus. Avec Yann, "
             "nous avons rempli un panier de palourdes en une heure.",
     .picture = "plage, mer, marée basse, rochers, un homme et une femme, panier, midi"},
    {.at = "2025-09-11 19:30",
     .title = "La pompe",
     .text = "Yann a démonté la pompe du puits. Il manquait un joint de cuir, pas plus grand qu'une pièce "
             "de deux euros. À 18 h 50, l'eau est remontée, d'abord rouge, puis claire. Nous avons trinqué "
             "avec."},
    {.at = "2025-09-12 20:15",
     .title = "Zoé",
     .text = "Mathieu est arrivé de Nantes avec Zoé, qui a sept ans et une dent en moins. Elle a choisi la "
             "chambre au papier peint bleu. L'araignée du plafond s'appelle désormais Monique."},
    {.at = "2025-09-13 10:00",
     .title = "Le cerf-volant",
     .text = "Vent d'ouest et grand soleil. Le cerf-volant jaune de Zoé a tenu douze minutes au-dessus de "
             "la plage des Dames avant de finir dans un pin. Mathieu est allé le décrocher.",
     .picture = "plage, mer, enfant, cerf-volant, vent, pin, soleil, matin",
     .place = "Plage des Dames"},
    {.at = "2025-09-14 16:30",
     .title = "La recette",
     .text = "C'est la recette du carnet, page douze. Deux cent cinquante grammes de farine, autant de "
             "sucre, autant de beurre salé, et six jaunes d'œufs. Jeanne avait noté au crayon : pour "
             "Auguste, ajouter du rhum.",
     .spoken = true},
    {.at = "2025-09-15 07:50",
     .title = "Le dessin",
     .text = "Mathieu et Zoé ont repris la route à l'aube. Sur la table de la cuisine, Zoé a laissé un "
             "dessin du phare avec deux fenêtres allumées. Je l'ai mis à la place du calendrier."},
    {.at = "2025-09-16 15:10",
     .title = "À la mairie",
     .text = "À la mairie, Hélène Kervella garde les registres. Auguste Penven est né à Groix le 3 février "
             "1936. Il a été gardien au phare de Men Du de 1958 à 1963."},
    {.at = "2025-09-17 23:50",
     .title = "Le coup de vent",
     .text = "Rafales à 104 km/h au sémaphore. Le courant a sauté à 21 h 12. J'ai lu le reste des lettres à "
             "la bougie, dans la cuisine, avec le vent dans la cheminée."},
    {.at = "2025-09-18 12:00",
     .title = "Dix-neuf ardoises",
     .text = "Monsieur Cadiou est venu malgré tout, avec son fils. Ils ont remplacé dix-neuf ardoises au "
             "lieu de trois. La facture s'arrête à 710 euros, café compris."},
    {.at = "2025-09-19 18:20",
     .title = "La dernière lettre",
     .text = "La dernière lettre est du 12 novembre 1962. Auguste attend la relève et demande à Jeanne de "
             "venir sur le quai de Doëlan le dimanche suivant. Elle y est allée : au dos, elle a écrit "
             "l'heure du bateau, et rien d'autre."},
    {.at = "2025-09-20 17:45",
     .title = "Le cidre",
     .text = "Chez les Le Goff, on presse les pommes avec le même pressoir depuis 1911. Quatorze sacs, dont "
             "un de Kerlann. On m'a donné neuf bouteilles ; une guêpe m'a piquée au pouce.",
     .picture = "pommes, panier, bouteilles, table de bois, automne, après-midi"},
    {.at = "2025-09-21 11:00",
     .title = "Ce que savait Madame Riou",
     .text = "Madame Riou a fini par parler. Elle est venue avec son chien Biscuit et une photographie. "
             "Auguste est parti en Nouvelle-Zélande en 1963, pour travailler sur un autre phare. Jeanne "
             "n'a pas voulu quitter sa mère.",
     .spoken = true},
    {.at = "2025-09-22 22:40",
     .title = "L'équinoxe",
     .text = "C'est l'automne depuis ce soir. J'ai rangé les chaises, ramoné la cheminée et fait le premier "
             "feu. Biscuit dort devant."},
    {.at = "2025-09-24 15:30",
     .title = "Men Du",
     .text = "Le patron du Saint-Tugdual, Erwan Tanguy, m'a prise à bord pour 25 euros. Une heure dix de "
             "mer, des fous de Bassan tout autour. Le phare est vide depuis 1987. Sur le mur de la "
             "lanterne, quelqu'un a gravé un A et un J.",
     .picture = "phare, mer, rochers, bateau, mouettes, nuages, septembre, après-midi",
     .place = "Phare de Men Du"},
    {.at = "2025-09-24 20:10",
     .title = "Depuis la fenêtre de Jeanne",
     .text = "",
     .picture = "chambre, fenêtre, mer, phare, crépuscule"},
    {.at = "2025-09-26 19:15",
     .title = "Ce que je garde",
     .text = "Je garde la maison. J'ai appelé Mathieu, et il a dit oui avant la fin de ma phrase. Nous "
             "reviendrons à la Toussaint, avec Zoé, pour planter un figuier.",
     .spoken = true},
    {.at = "2025-09-27 22:00",
     .title = "La fête",
     .text = "Nous étions vingt-deux dans la cour : les Le Goff, Madame Riou, Hélène Kervella, les Cadiou "
             "père et fils. On a dansé au son d'un accordéon et d'une bombarde. Il ne reste que deux "
             "bouteilles de cidre."},
    {.at = "2025-09-28 14:05",
     .title = "Le retour",
     .text = "Yann m'a reconduite à la gare dans la camionnette bleue. J'ai laissé la clé sous le pot de "
             "romarin, la pompe amorcée et le calendrier à la bonne page. Le train de 14 h 26 a six "
             "minutes de retard. Je ne suis pas pressée."},
};

static const DemoNote allotment[] = {
    {.at = "2026-03-01 10:30",
     .title = "Plot 14",
     .text = "Mrs Achebe handed me the padlock and a drawing of the plot on the back of an envelope. Ten "
             "metres by twenty-five, one shed, no roof. The rent is £48 a year, and the waiting list took "
             "six."},
    {.at = "2026-03-07 15:20",
     .title = "The shed",
     .text = "The shed door came off in my hand. Inside there were nine flower pots, a bicycle without "
             "wheels and a robin on her nest. The roof will have to wait until she has finished.",
     .spoken = true},
    {.at = "2026-03-14 12:40",
     .title = "The first bed",
     .text = "Dug the first bed with Tom. We lifted forty-one bricks, a blue marble and a spoon. Two rows "
             "of Charlotte potatoes went in before the rain.",
     .picture = "garden, man and woman, spade, shed, spring, clouds"},
    {.at = "2026-03-20 07:10",
     .title = "Frost",
     .text = "Frost at five in the morning, two degrees below. Mrs Achebe had already covered my seedlings "
             "with her own newspapers."},
    {.at = "2026-04-05 11:00",
     .title = "Four eggs",
     .text = "Easter Sunday. The robin has four eggs. Priya from plot 15 lent us a rope to keep the "
             "children away, and her children painted a sign: Quiet, please."},
    {.at = "2026-04-18 18:30",
     .title = "The pond",
     .text = "Tom sank an old bath by the fence and filled it with 160 litres of rain water. By evening "
             "there was a frog in it.",
     .picture = "garden, flowers, cat, fence, evening, spring"},
    {.at = "2026-05-07 19:00",
     .title = "The roof",
     .text = "All four young robins left on Tuesday. Today, 7 May, the roof went on: six sheets, fifty-two "
             "screws, one bruised thumb."},
    {.at = "2026-06-13 17:15",
     .title = "New potatoes",
     .text = "The first potatoes: three and a half kilos from one row. We boiled them on the spot and ate "
             "them with Mrs Achebe's butter and mint, all ten of us."},
};

const DemoSpace demo_spaces[] = {
    {.title = "La maison de Kerlann",
     .description = "Trois semaines de septembre dans la maison de ma grand-mère.",
     .language = "fr",
     .time_zone = "Europe/Paris",
     .begins = "2025-09-06 00:00",
     .voice = "fr+f2",
     .mode = "clean",
     .tone = "emotional",
     .style = "illustration",
     .notes = kerlann,
     .note_count = COUNT(kerlann),
     .cover = 21,
     .book = true},
    {.title = "Plot 14",
     .description = "A first spring on an allotment in Bristol.",
     .language = "en",
     .time_zone = "Europe/London",
     .begins = "2026-03-01 00:00",
     .voice = "en-gb+m3",
     .mode = "creative",
     .tone = "neutral",
     .style = "pastel",
     .notes = allotment,
     .note_count = COUNT(allotment),
     .cover = 2},
};
const ptrdiff_t demo_space_count = COUNT(demo_spaces);
