// Which pages the site has beside docs/, and in which order the sidebar shows them.

/** Pages that stand elsewhere in the repository: the file, and the page's name. */
export const ELSEWHERE = {
  'SECURITY.md': 'security.md',
  'ARCHITECTURE.md': 'architecture.md',
  'CHANGELOG.md': 'changelog.md',
  'CONTRIBUTING.md': 'contributing.md',
  'bench/README.md': 'measurements.md',
  'bench/browser/README.md': 'measurements-browser.md',
  'fuzz/README.md': 'fuzzing.md',
}

/** A page that there is not is left out; a page that is in no group comes last, under "More". */
export const GROUPS = [
  ['Begin', ['first-steps', 'tour', 'comparison']],
  ['For people from', ['from-liveview', 'from-livewire', 'from-react', 'from-htmx', 'from-socketio']],
  ['Pages', ['basics', 'bindings', 'forms', 'model', 'lists', 'components', 'jsx', 'navigation', 'commands']],
  ['Beyond the page', ['server', 'shared', 'login', 'uploads', 'hooks', 'connection']],
  ['Making', ['development', 'testing', 'errors']],
  ['Running', ['options', 'limits', 'redis', 'scaling', 'deploy', 'telemetry', 'performance', 'security']],
  ['Promises', ['nothing-is-lost', 'guarantees', 'contracts', 'parity']],
  [
    'Inside',
    [
      'architecture',
      'protocol',
      'reference',
      'measurements',
      'measurements-browser',
      'fuzzing',
      'contributing',
      'changelog',
      'versions',
    ],
  ],
]

/** How an application imports what a file of types describes. */
export const importedAs = (file) => (file === 'index' ? 'loom-live' : `loom-live/${file}`)
