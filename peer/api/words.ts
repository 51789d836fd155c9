/** The closed sets of the API. Separate from its shapes, because loading the schema library would slow down every command. */
/** What `list` shows: this peer's copies of a kind, files only on other peers, or both. */
export const listKinds = ['shared', 'downloaded', 'replicated', 'remote', 'both'] as const
export type ListKind = (typeof listKinds)[number]
