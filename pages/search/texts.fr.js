// The search page's texts; {n} and the like are filled in.
export default {
  title: 'Recherche', askLabel: 'Rechercher dans les posts', askHint: 'Rechercher dans les posts', help: 'Aide à la recherche', filters: 'Filtres',
  sort: 'Trier', best: 'Les plus pertinents', newest: 'Les plus récents', engagement: 'Le plus d’engagement',
  sortHint: 'Récents : strictement par date. Engagement : à pertinence égale', more: 'Plus de posts', hits: 'Posts trouvés',
  total: ['{n} post', '{n} posts'], took: 'en {n} ms', none: 'Aucun post ne correspond.',
  noneHint: 'Un mot de moins, une autre orthographe, ou', clearFilters: 'retirer les filtres', clear: 'Tout effacer', remove: 'Retirer {n}',
  platform: 'Plateforme', language: 'Langue', hashtags: 'Hashtags', author: 'Auteur', fewer: 'Moins', others: 'Encore {n}',
  when: 'Dates de publication', from: 'Du', to: 'au', day: 'Jour', week: 'Semaine', month: 'Mois', unit: 'Un trait par', anyTime: 'Toutes les dates',
  weekOf: 'semaine du {n}', chart: 'Posts par date, du {from} au {to}, {n} au plus',
  likes: ['{n} j’aime', '{n} j’aime'], comments: ['{n} commentaire', '{n} commentaires'], shares: ['{n} partage', '{n} partages'],
  views: ['{n} vue', '{n} vues'], trend: 'Fois l’engagement moyen de la plateforme sur 7 jours', open: 'Ouvrir le post', unknown: 'auteur inconnu',
  why: 'Pourquoi ici ?', whole: 'Tout lire', moved: 'Les résultats ont changé entre-temps ; les voici de nouveau.', slow: 'Trop de recherches à la suite ; reprise dans {n} s.',
  save: 'Enregistrer cette recherche', saved: 'Enregistrée dans « {n} ».',
  mistakes: [
    [/^NEAR\/(\d+) stands between words.*/, 'NEAR/$1 se place entre deux mots, deux phrases ou des choix de ceux-ci.'],
    [/^Parentheses are nested deeper than (\d+) levels.*/, 'Les parenthèses sont imbriquées à plus de $1 niveaux.'],
    [/^A query with operators has at most (\d+) (words|parts).*/, 'Une requête avec des opérateurs a au plus $1 éléments.'],
    [/^`(\w+)` needs a number, not `(.*)`$/s, '« $1 » attend un nombre, et non « $2 ».'],
    [/^`(\w+)` needs a time .*, not `(.*)`$/s, '« $1 » attend une date (2025-03-31T00:00:00Z), et non « $2 ».'],
    [/^`(\w+)` cannot be asked for a value$/, '« $1 » ne peut pas être demandé ainsi.'],
  ],
};
