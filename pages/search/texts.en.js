// The search page's texts; {n} and the like are filled in.
export default {
  title: 'Search', askLabel: 'Search posts', askHint: 'Search posts', help: 'Search help', filters: 'Filters',
  sort: 'Sort', best: 'Best first', newest: 'Newest', engagement: 'Most engagement',
  sortHint: 'Newest: strictly by date. Engagement: among equally good posts', more: 'More posts', hits: 'Posts found',
  total: ['{n} post', '{n} posts'], took: 'in {n} ms', none: 'No post matches.',
  noneHint: 'One word less, another spelling, or', clearFilters: 'take the filters away', clear: 'Clear all', remove: 'Remove {n}',
  platform: 'Platform', language: 'Language', hashtags: 'Hashtags', author: 'Author', fewer: 'Fewer', others: '{n} more',
  when: 'Dates', from: 'From', to: 'to', day: 'Day', week: 'Week', month: 'Month', unit: 'A bar is a', anyTime: 'Any time',
  weekOf: 'week of {n}', chart: 'Posts by date, from {from} to {to}, {n} at most',
  likes: ['{n} like', '{n} likes'], comments: ['{n} comment', '{n} comments'], shares: ['{n} share', '{n} shares'],
  views: ['{n} view', '{n} views'], trend: 'Times the platform’s mean engagement of 7 days', open: 'Open the post', unknown: 'author unknown',
  why: 'Why here?', whole: 'Read all', moved: 'The results have changed meanwhile; here they are again.', slow: 'Too many searches at once; going on in {n} s.',
  save: 'Save this search', saved: 'Saved in “{n}”.', mistakes: [],
};
