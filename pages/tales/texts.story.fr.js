// Les textes de l’histoire ; {n} et les autres sont remplis.
export default {
  storyOf: '{title} : l’histoire', backToNotes: '← Notes', tools: 'Ce qu’on peut faire de l’histoire', notesN: ['{n} note', '{n} notes'], chapters: ['{n} chapitre', '{n} chapitres'],
  chapterN: 'Chapitre {n}', contents: 'Sommaire', beingWritten: 'En cours d’écriture…', plateComes: 'L’illustration se dessine…',
  plateAlt: 'Illustration de « {title} »', ownAlt: 'Photographie {n} de « {title} »', edited: 'Modifié par vous', sentenceHint: 'Choisissez une phrase pour voir et entendre la note dont elle vient.',

  write: 'Écrire mon histoire', writeStory: 'Écrire mon histoire', writeAgain: 'Réécrire', writesAgain: 'Seuls les chapitres dont les notes ou les réglages ont changé sont réécrits.',
  overwrite: 'Réécrire aussi les chapitres que j’ai modifiés, si leurs notes ont changé', mode: 'À quelle distance de vos mots ?', tone: 'Ton', creativity: 'Liberté :', style: 'Style des illustrations',
  withPictures: 'Une illustration par chapitre',
  modes: { chapter: ['Un chapitre par note', 'Chaque note racontée en un chapitre'], creative: ['Un récit libre', 'Des notes réunies, les moments les plus forts'],
           clean: ['Au propre', 'Vos mots, sans lapsus ni répétitions'], transcription: ['Mot à mot', 'Ce que vous avez dit, rien d’autre'] },
  tones: { cinematic: 'Comme au cinéma', emotional: 'Avec le cœur', poetic: 'Poétique', funny: 'Drôle', journalistic: 'Comme un reportage', neutral: 'Sobre' },
  styles: { illustration: 'Illustration', pastel: 'Pastel', cinematic: 'Comme au cinéma', realistic: 'Réaliste' },
  creativities: ['tel quel', 'au plus près', 'équilibrée', 'en couleurs', 'grande'],
  noNotesYet: 'Une histoire se fait de notes, et il n’y en a pas encore.', toNotes: 'Aller aux notes',
  beginsSoon: 'Vos notes sont lues…', writingN: 'Le chapitre {n} sur {of} s’écrit…', written: ['{n} chapitre est écrit', '{n} chapitres sont écrits'],
  lastPictures: 'Les dernières illustrations se dessinent…', progress: 'Avancement de l’histoire', cancelStory: 'Arrêter l’écriture', connecting: 'La connexion est coupée. L’histoire continue de s’écrire ; on la cherche…',
  goesOn: 'Elle reprendra d’elle-même à {time}.', chapterWritten: 'Le chapitre {n} sur {of} est écrit : {title}', storyDone: 'L’histoire est finie.',
  tryAgain: 'Réessayer', dismiss: 'Fermer', hintLater: 'Vous pourrez en faire écrire une autre à {time}. Ce qui est écrit reste.', hintAway: 'Vérifiez votre connexion, puis réessayez : rien n’est écrit deux fois.',
  hintEmpty: 'Dites, écrivez ou photographiez d’abord quelque chose.', hintRefused: 'Ce qui est écrit reste. Changez la note concernée, ou choisissez une autre façon d’écrire.',
  hintProvider: 'C’est à la personne qui tient ce serveur de le régler. « Mot à mot » et « Au propre » se passent de modèle.', hintCancelled: 'Ce qui est écrit reste ; vous pouvez reprendre à tout moment.', hintAgain: 'Ce qui est écrit reste. Réessayer reprend à cet endroit.',

  cameFrom: 'D’où vient cette phrase', cameFromNothing: 'Sans note', closeSource: 'Fermer', recording: 'Enregistrement', recordingAway: 'L’enregistrement ne se charge pas. Rechargez la page pour l’entendre.',
  notePicture: 'Image de la note', openNote: 'Vers les notes', sources: ['{n} note', 'De {n} notes'], noSource: 'Cette phrase ne repose sur aucune note : elle est de vous, mène d’une note à la suivante, ou sa note n’est plus là.',
  noVoice: 'Aucun enregistrement ne correspond à cette phrase.',
  listen: 'Écouter', stopListening: 'Arrêter', soundBroken: 'La lecture ne passe pas ici.',

  edit: 'Modifier', newPicture: 'Redessiner', chapterTitle: 'Titre', chapterText: 'Texte', saveChapter: 'Enregistrer', cancelEdit: 'Annuler', saved: 'Enregistré : {title}', giveUp: 'Abandonner vos changements ?',
  draftKept: 'Gardé dans ce navigateur jusqu’à l’enregistrement.', draftBack: 'Voici vos changements du {time}, pas encore enregistrés.', draftThere: 'Vous avez laissé ici, le {time}, des changements non enregistrés.', goOnEditing: 'Continuer', dropDraft: 'Les oublier',
  changedElsewhere: 'Ce chapitre a été changé ailleurs entre-temps. Voici son texte là-bas :', changedMeanwhile: 'Ce chapitre vient d’être changé ailleurs. À l’enregistrement, vous choisirez le texte qui reste.',
  keepMine: 'Garder le mien', takeTheirs: 'Prendre l’autre', chapterGone: 'Ce chapitre n’existe plus. Copiez votre texte avant de partir.',
  whatIsSeen: 'Que doit-on voir ?', draw: 'Dessiner', drawing: 'Le dessin se fait…', drawn: 'La nouvelle illustration est là.',

  arrange: 'Ordonner', arrangeHow: 'Tirez un chapitre par sa poignée, ou déplacez-le avec les flèches. C’est enregistré aussitôt.', moveByKeys: 'Déplacer « {title} » : flèches du clavier, ou tirer', moveUp: 'Monter : {title}', moveDown: 'Descendre : {title}',
  placed: '« {title} » est maintenant {n} sur {of}.', firstAlready: 'C’est déjà le premier.', lastAlready: 'C’est déjà le dernier.', done: 'Terminé',

  book: 'Livre', bookAbout: 'Votre histoire avec ses illustrations, ses dates, et des codes qui font entendre les voix dont elle vient.', download: 'Télécharger', makingBook: 'Le livre se fabrique…', takingBook: 'Téléchargement : {percent}',
  bookThere: 'Téléchargé ({size}).', bookCut: 'La connexion s’est coupée. Réessayez : ce qui est fait est gardé.',
  formats: { pdf: ['PDF', 'Pour l’impression : 6 × 9 pouces, avec fond perdu'], epub: ['EPUB', 'Pour les liseuses et les téléphones'], html: ['Page web', 'Un seul fichier, qui se suffit'] },

  share: 'Partager', shareAbout: 'Qui a le lien lit l’histoire et entend ses voix, sans compte, et ne change rien. Vous pouvez le reprendre à tout moment.', goodFor: 'Valable', days: ['{n} jour', '{n} jours'], makeLink: 'Créer un lien',
  theLink: 'Le lien', linkOnce: 'Il est montré maintenant, et plus jamais. Valable jusqu’au {time}.', copy: 'Copier', copied: 'Copié.', copyYourself: 'Copiez-le avec Ctrl+C.', openLink: 'Ouvrir', linkMade: 'Le lien est créé.', takeBack: 'Reprendre', isTakenBack: 'Le lien est repris.',
  takenBack: 'repris le {time}', ended: 'terminé le {time}', endsAt: 'valable jusqu’au {time}', views: ['lu {n} fois', 'lu {n} fois'],

  sharedBy: 'Une histoire partagée avec vous', sharedUntil: 'Ce lien est valable jusqu’au {time}.', sharedGone: 'Cette histoire ne peut plus être lue ici', sharedGoneHow: 'Demandez un nouveau lien à la personne qui vous l’a envoyé.', voices: 'Les voix de ce chapitre', sharedEmpty: 'Rien n’est encore écrit. Revenez plus tard.',
};
