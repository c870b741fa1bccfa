// The story's texts; {n} and the like are filled in.
export default {
  storyLater: 'L’histoire se lit bientôt ici.',
};
