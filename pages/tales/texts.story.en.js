// The story's texts; {n} and the like are filled in.
export default {
  storyLater: 'The story will be read here soon.',
};
