// The page's texts, but for the story's; {n} and the like are filled in.
export default {
  skip: 'Aller au contenu', spaces: 'Carnets', settings: 'Réglages', outbox: 'À envoyer', again: 'Réessayer', notes: 'Notes', story: 'Histoire',
  noSpaces: 'Aucun carnet encore.', noNotes: 'Aucune note encore.',
};
