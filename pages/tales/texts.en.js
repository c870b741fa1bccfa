// The page's texts, but for the story's; {n} and the like are filled in.
export default {
  skip: 'Go to the content', spaces: 'Notebooks', settings: 'Settings', outbox: 'To be sent', again: 'Try again', notes: 'Notes', story: 'Story',
  noSpaces: 'No notebooks yet.', noNotes: 'No notes yet.',
};
