// The story's texts; {n} and the like are filled in.
export default {
  storyOf: '{title}: the story', backToNotes: '← Notes', tools: 'What can be done with the story', notesN: ['{n} note', '{n} notes'], chapters: ['{n} chapter', '{n} chapters'],
  chapterN: 'Chapter {n}', contents: 'Contents', beingWritten: 'Being written…', plateComes: 'The picture is being drawn…',
  plateAlt: 'Illustration of “{title}”', ownAlt: 'Photograph {n} of “{title}”', edited: 'Edited by you', sentenceHint: 'Choose a sentence to see and hear the note it came from.',

  write: 'Write my story', writeStory: 'Write my story', writeAgain: 'Write again', writesAgain: 'Only chapters whose notes or settings have changed are written again.',
  overwrite: 'Also write chapters that I have edited, where their notes have changed', mode: 'How close to your words?', tone: 'Tone', creativity: 'Freedom:', style: 'Style of pictures',
  withPictures: 'A picture for each chapter',
  modes: { chapter: ['A chapter for each note', 'Your notes, each told as a chapter'], creative: ['A free story', 'Notes drawn together; the most telling moments'],
           clean: ['Tidied up', 'Your words without slips and repetitions'], transcription: ['Word for word', 'What you said, and nothing else'] },
  tones: { cinematic: 'As in a film', emotional: 'From the heart', poetic: 'Poetic', funny: 'Funny', journalistic: 'Like a report', neutral: 'Plain' },
  styles: { illustration: 'Illustration', pastel: 'Pastel', cinematic: 'As in a film', realistic: 'Realistic' },
  creativities: ['as it was', 'close to it', 'balanced', 'with colour', 'freely'],
  noNotesYet: 'A story is made of notes, and there are none yet.', toNotes: 'Go to the notes',
  beginsSoon: 'Your notes are being read…', writingN: 'Chapter {n} of {of} is being written…', written: ['{n} chapter is written', '{n} chapters are written'],
  lastPictures: 'The last pictures are being drawn…', progress: 'Progress of the story', cancelStory: 'Stop writing', connecting: 'The connection is gone. The story goes on being written; it is being looked for…',
  goesOn: 'It goes on by itself at {time}.', chapterWritten: 'Chapter {n} of {of} is written: {title}', storyDone: 'The story is finished.',
  tryAgain: 'Try again', dismiss: 'Close', hintLater: 'You can have one written again at {time}. What is written stays.', hintAway: 'Look at your connection, then try again: nothing is written twice.',
  hintEmpty: 'Say, write or photograph something first.', hintRefused: 'What is written stays. Change the note that it is about, or choose another way of writing.',
  hintProvider: 'Whoever runs this server has to set this up. Word for word and tidied up also work without a model.', hintCancelled: 'What is written stays; you can go on at any time.', hintAgain: 'What is written stays. Trying again goes on from there.',

  cameFrom: 'Where this comes from', cameFromNothing: 'Without a note', closeSource: 'Close', recording: 'Recording', recordingAway: 'The recording does not load. Reload the page to hear it.',
  notePicture: 'Picture of the note', openNote: 'To the notes', sources: ['{n} note', 'From {n} notes'], noSource: 'This sentence rests on no note: you wrote it, it leads from one note to the next, or its note is gone.',
  noVoice: 'No recording belongs to this sentence.',
  listen: 'Listen', stopListening: 'Stop', soundBroken: 'What was spoken does not play here.',

  edit: 'Edit', newPicture: 'New picture', chapterTitle: 'Title', chapterText: 'Text', saveChapter: 'Save', cancelEdit: 'Cancel', saved: 'Saved: {title}', giveUp: 'Give up what you have changed?',
  draftKept: 'Kept in this browser until you save.', draftBack: 'These are your changes of {time}, not saved yet.', draftThere: 'You left changes here on {time} that are not saved.', goOnEditing: 'Go on', dropDraft: 'Drop them',
  changedElsewhere: 'This chapter was changed elsewhere in the meantime. There it now reads:', changedMeanwhile: 'This chapter has just been changed in another place. When you save, you will choose which text stays.',
  keepMine: 'Keep mine', takeTheirs: 'Take that one', chapterGone: 'This chapter is no longer there. Copy your text before you leave.',
  whatIsSeen: 'What is to be seen?', draw: 'Draw it', drawing: 'It is being drawn…', drawn: 'The new picture is there.',

  arrange: 'Arrange', arrangeHow: 'Drag a chapter by its handle, or move it with the arrows. It is stored at once.', moveByKeys: 'Move “{title}”: arrow keys, or drag', moveUp: 'Up: {title}', moveDown: 'Down: {title}',
  placed: '“{title}” is now {n} of {of}.', firstAlready: 'It is the first already.', lastAlready: 'It is the last already.', done: 'Done',

  book: 'Book', bookAbout: 'Your story with its pictures, its dates, and codes that play the voices it came from.', download: 'Download', makingBook: 'The book is being made…', takingBook: 'Downloading: {percent}',
  bookThere: 'Downloaded ({size}).', bookCut: 'The connection broke. Try again: what is made is kept.',
  formats: { pdf: ['PDF', 'For print: 6 × 9 inches, with bleed'], epub: ['EPUB', 'For readers and telephones'], html: ['Web page', 'One file that stands alone'] },

  share: 'Share', shareAbout: 'Whoever has the link reads the story and hears its voices, without an account, and changes nothing. You can take it back at any time.', goodFor: 'Good for', days: ['{n} day', '{n} days'], makeLink: 'Make a link',
  theLink: 'The link', linkOnce: 'It is shown now and never again. Good until {time}.', copy: 'Copy', copied: 'Copied.', copyYourself: 'Copy it with Ctrl+C.', openLink: 'Open', linkMade: 'The link is made.', takeBack: 'Take back', isTakenBack: 'The link is taken back.',
  takenBack: 'taken back {time}', ended: 'ended {time}', endsAt: 'good until {time}', views: ['read {n} time', 'read {n} times'],

  sharedBy: 'A story that was shared with you', sharedUntil: 'This link is good until {time}.', sharedGone: 'This story cannot be read here', sharedGoneHow: 'Ask whoever sent you the link for a new one.', voices: 'The voices of this chapter', sharedEmpty: 'Nothing is written yet. Come back later.',
};
