/* SPDX-License-Identifier: Apache-2.0
 * What the demo's tenants know, and who writes to them. */
#include "products/sylion/demo.h"

#include "core/base.h"

/* -- the school -------------------------------------------------------------------------------------- */

static const DemoDocument school_documents[] = {
    {"Horaires et garderie.md",
     "# Horaires et garderie\n\n"
     "## Horaires de classe\n\n"
     "L'école ouvre ses portes à 8 h 20. La classe commence à 8 h 30 et finit à 16 h 30, le lundi, le "
     "mardi, le jeudi et le vendredi.\n\n"
     "Le mercredi, la classe finit à 11 h 30 ; l'école ferme à midi ce jour-là.\n\n"
     "Les enfants en retard entrent par le secrétariat, au 12 rue des Tilleuls.\n\n"
     "## Garderie\n\n"
     "La garderie du matin accueille les enfants dès 7 h 30. Elle coûte 1,20 € par matin.\n\n"
     "La garderie du soir va de 16 h 30 à 18 h 30 et coûte 2,50 €, goûter compris. Tout quart d'heure "
     "commencé après 18 h 30 est facturé 5 €.\n\n"
     "## Secrétariat\n\n"
     "Le secrétariat répond au téléphone de 8 h à 12 h et de 13 h 30 à 17 h, sauf le mercredi "
     "après-midi.\n"},
    {"Cantine.md",
     "# Cantine\n\n"
     "## Tarifs\n\n"
     "Un repas à la cantine coûte 3,80 €. Le tarif est réduit à 1,90 € pour les familles dont le quotient "
     "familial est inférieur à 600.\n\n"
     "## Réserver et annuler un repas\n\n"
     "Les repas se réservent jusqu'au jeudi soir pour la semaine suivante.\n\n"
     "Un repas annulé la veille avant 10 h n'est pas facturé. En cas de maladie, le premier jour reste "
     "dû.\n\n"
     "## Menus et allergies\n\n"
     "Chaque jour, un menu végétarien est proposé. Les menus de la semaine sont affichés le vendredi à "
     "l'entrée.\n\n"
     "Pour une allergie alimentaire, un projet d'accueil individualisé (PAI) est signé avec le médecin "
     "scolaire avant le premier repas.\n"},
    {"Absences.md",
     "# Absences et maladies\n\n"
     "## Signaler une absence\n\n"
     "Pour signaler une absence, écrivez ou téléphonez au secrétariat avant 9 h, en donnant le nom de "
     "l'enfant, sa classe et le motif.\n\n"
     "Un certificat médical est demandé après trois jours d'absence, et dès le premier jour pour une "
     "maladie contagieuse.\n\n"
     "## Médicaments\n\n"
     "L'école ne donne aucun médicament sans ordonnance et sans l'accord écrit des parents.\n\n"
     "## Absence prévue\n\n"
     "Une absence pour voyage pendant la période scolaire est demandée par écrit à la directrice deux "
     "semaines à l'avance.\n"},
    {"Inscriptions.md",
     "# Inscriptions\n\n"
     "## Dates\n\n"
     "Les inscriptions pour la rentrée sont ouvertes du 1er février au 31 mars. Une visite de l'école est "
     "organisée le deuxième samedi de mars, à 10 h.\n\n"
     "## Pièces à fournir\n\n"
     "Pour inscrire un enfant, il faut le livret de famille, un justificatif de domicile de moins de "
     "trois mois, le carnet de vaccination et, en cas de changement d'école, le certificat de "
     "radiation.\n\n"
     "## Âge\n\n"
     "Les enfants sont admis en petite section l'année civile de leurs trois ans.\n"},
    {"Calendrier.md",
     "# Calendrier de l'année 2026-2027\n\n"
     "- Rentrée des élèves : mardi 1er septembre 2026.\n"
     "- Vacances de la Toussaint : du 17 octobre au 2 novembre 2026.\n"
     "- Vacances de Noël : du 19 décembre 2026 au 4 janvier 2027.\n"
     "- Fête de l'école : samedi 19 juin 2027, à partir de 14 h, dans la cour.\n\n"
     "## Réunions\n\n"
     "La réunion de rentrée des parents a lieu le jeudi 10 septembre à 18 h. Les rendez-vous "
     "individuels avec les enseignants se prennent dans le carnet de liaison.\n"},
};

static const DemoPerson school_people[] = {
    {"Nadia Benali", "+33639980101",
     {"Bonjour, à quelle heure finit la classe le mercredi ?",
      "Et la garderie du soir, jusqu'à quelle heure et à quel prix ?"}, NULL},
    {"Thomas Leroy", "+33639980102",
     {"Mon fils est malade, comment signaler son absence ?"}, NULL},
    {"Awa Diop", "+33639980103",
     {"Combien coûte un repas à la cantine ?", "Y a-t-il un menu végétarien ?"}, NULL},
    {"Sofia Marques", "+33639980104",
     {"Quelles pièces faut-il pour inscrire un enfant ?",
      "Je voudrais parler à une personne, notre situation est particulière."}, NULL},
    {"Karim Haddad", "+33639980105",
     {"Est-ce que l'orchestre des élèves joue du jazz à Montreux cet hiver ?"},
     "Bonjour M. Haddad, c'est Camille, du secrétariat : l'orchestre répète encore, je vous écris dès que "
     "la date du concert est fixée."},
};

/* -- the shop ---------------------------------------------------------------------------------------- */

static const DemoDocument shop_documents[] = {
    {"Livraison.md",
     "# Livraison\n\n"
     "## France\n\n"
     "La livraison en France prend deux à trois jours ouvrés et coûte 4,90 €. Elle est offerte dès 60 € "
     "d'achat.\n\n"
     "## Belgique, Suisse, Europe\n\n"
     "La livraison en Belgique et en Suisse prend trois à cinq jours ouvrés et coûte 9,90 €.\n\n"
     "## Suivre un colis\n\n"
     "Un lien de suivi est envoyé par e-mail quand le colis quitte l'atelier. Les commandes passées avant "
     "14 h partent le jour même.\n"},
    {"Delivery.md",
     "# Delivery\n\n"
     "## United Kingdom\n\n"
     "Delivery to the United Kingdom takes four to six working days and costs €12.90. Customs duties are "
     "included in the price.\n\n"
     "## United States and Canada\n\n"
     "Delivery to the United States and Canada takes seven to ten working days and costs €24.\n\n"
     "## Tracking\n\n"
     "You receive a tracking link by e-mail when the parcel leaves the workshop.\n"},
    {"Retours.md",
     "# Retours et échanges\n\n"
     "## Délai\n\n"
     "Vous avez 30 jours après la réception pour retourner un article, s'il n'a pas servi.\n\n"
     "Les articles soldés peuvent être échangés ou retournés contre un bon d'achat ; ils ne sont pas "
     "remboursés.\n\n"
     "Un couteau gravé à votre nom n'est ni repris ni échangé.\n\n"
     "## Remboursement\n\n"
     "Le remboursement est fait sous cinq jours ouvrés après l'arrivée du colis. Le retour est gratuit "
     "depuis la France.\n"},
    {"Returns.md",
     "# Returns\n\n"
     "You can return an unused item within 30 days of receiving it. The refund is made within five "
     "working days after the parcel has arrived.\n\n"
     "Returns from outside France are paid by the customer.\n\n"
     "An engraved knife cannot be returned.\n"},
    {"Horaires - Opening hours.md",
     "# Horaires\n\n"
     "La boutique de Laguiole est ouverte du mardi au samedi, de 10 h à 19 h. Elle est fermée le dimanche "
     "et le lundi.\n\n"
     "En décembre, la boutique ouvre aussi le dimanche de 14 h à 18 h.\n\n"
     "# Opening hours\n\n"
     "The shop in Laguiole is open from Tuesday to Saturday, 10 am to 7 pm. It is closed on Sundays and "
     "Mondays.\n\n"
     "In December the shop is also open on Sundays from 2 pm to 6 pm.\n"},
    {"Produits - Products.md",
     "# Couteaux\n\n"
     "Nos couteaux pliants ont une lame de 11 cm en acier 14C28N, forgée et montée à Laguiole. Le manche "
     "est en genévrier, en noyer ou en corne. Un couteau pliant coûte de 89 € à 149 €.\n\n"
     "La gravure d'un prénom sur la lame coûte 12 € et ajoute deux jours au délai.\n\n"
     "## Entretien\n\n"
     "Une lame se lave à la main et se sèche aussitôt ; jamais de lave-vaisselle. Une goutte d'huile de "
     "paraffine sur le ressort deux fois par an suffit.\n\n"
     "L'aiguisage est gratuit à vie à la boutique.\n\n"
     "# Knives\n\n"
     "Our folding knives have an 11 cm blade of 14C28N steel, forged and mounted in Laguiole. The handle "
     "is made of juniper, walnut or horn. A folding knife costs €89 to €149.\n\n"
     "Engraving a first name on the blade costs €12 and adds two days.\n\n"
     "Wash the blade by hand and dry it at once; never use a dishwasher. Sharpening is free for life at "
     "the shop.\n"},
};

static const DemoPerson shop_people[] = {
    {"Emma Wilson", "+447700900121",
     {"Hello, how long does delivery to the United Kingdom take?",
      "And how much does engraving a first name cost?"}, NULL},
    {"Hugo Fabre", "+33639980121", {"Puis-je retourner un article soldé ?"}, NULL},
    {"Louise Marchand", "+33639980122",
     {"Bonjour !", "La boutique est-elle ouverte le dimanche en décembre ?"}, NULL},
    {"Daniel Novak", "+447700900122",
     {"Can I put the blade in the dishwasher?", "I would like to talk to a person about a large order."},
     "Hello Daniel, Camille from Maison Aubrac here. How many knives do you have in mind, and by when?"},
};

const DemoTenant demo_tenants[] = {
    {.name = "École des Tilleuls",
     .slug = "ecole-des-tilleuls",
     .email = "secretariat@tilleuls.example",
     .phone = "+33199001234",
     .line = "WhatsApp de l'école",
     .site = "Site de l'école",
     .base = "Vie de l'école",
     .assistant = "Tilia",
     .description = "Répond aux familles sur la vie de l'école",
     .prompt =
         "Vous êtes Tilia, l'assistante de l'École des Tilleuls, une école primaire. Vous répondez aux "
         "familles avec chaleur et en peu de mots, en les vouvoyant. Vous ne parlez que de la vie de "
         "l'école, d'après ses documents, et vous citez celui sur lequel vous vous appuyez. Vous ne "
         "donnez jamais de conseil médical. Quand une famille parle d'une situation difficile, vous "
         "proposez le secrétariat.",
     .handoff = "{\"enabled\":true,\"onUnsupported\":\"say\",\"onMedia\":\"say\",\"messages\":{"
                "\"unsupported\":{\"fr\":\"Je n'ai pas cette information. Le secrétariat de l'école pourra "
                "vous répondre.\",\"en\":\"I do not have this information. The school office will be able "
                "to help you.\"},\"handoff\":{\"fr\":\"Je transmets au secrétariat : une personne vous "
                "répondra ici même.\",\"en\":\"I am passing this on to the school office: somebody will "
                "answer you right here.\"},\"greeting\":{\"fr\":\"Bonjour ! Je suis Tilia, l'assistante de "
                "l'École des Tilleuls. Que puis-je faire pour vous ?\",\"en\":\"Hello! I am Tilia, the "
                "assistant of École des Tilleuls. What can I do for you?\"}}}",
     .settings = "{\"exampleQuestions\":{\"fr\":[\"À quelle heure ouvre la garderie du matin ?\","
                 "\"Quand commencent les vacances de Noël ?\",\"Comment annuler un repas ?\","
                 "\"Je voudrais parler à une personne\"],\"en\":[\"À quelle heure ouvre la garderie du "
                 "matin ?\",\"Quand commencent les vacances de Noël ?\",\"I would like to talk to a "
                 "person\"]}}",
     .documents = school_documents,
     .people = school_people,
     .document_count = COUNT(school_documents),
     .person_count = COUNT(school_people)},
    {.name = "Maison Aubrac",
     .slug = "maison-aubrac",
     .email = "bonjour@maison-aubrac.example",
     .phone = "+33465712345",
     .line = "WhatsApp de la boutique",
     .site = "maison-aubrac.example",
     .base = "La boutique / The shop",
     .assistant = "Aubry",
     .description = "Répond en français et en anglais : livraison, retours, horaires, produits",
     .prompt =
         "You are Aubry, the assistant of Maison Aubrac, a cutler in Laguiole. Answer in the customer's "
         "language, French or English, in two or three friendly sentences. Rest every figure (price, "
         "delay, date) on the documents and cite them; when they say nothing, say so. Never promise a "
         "discount. Orders for companies are a person's matter.",
     .handoff = "{\"enabled\":true,\"onUnsupported\":\"say\",\"onMedia\":\"say\",\"phrases\":[\"large "
                "order\",\"commande d'entreprise\"]}",
     .settings = "{\"exampleQuestions\":{\"fr\":[\"Combien coûte la livraison en Belgique ?\","
                 "\"Peut-on retourner un couteau gravé ?\",\"Comment entretenir la lame ?\","
                 "\"Je voudrais parler à une personne\"],\"en\":[\"How long does delivery to Canada "
                 "take?\",\"Can I return an engraved knife?\",\"Are you open on Sundays?\",\"I would like "
                 "to talk to a person\"]}}",
     .documents = shop_documents,
     .people = shop_people,
     .document_count = COUNT(shop_documents),
     .person_count = COUNT(shop_people)},
};
const ptrdiff_t demo_tenant_count = COUNT(demo_tenants);
