/** The closed sets of the HTTP API. Apart from its schemas, which take every command longer to load than all the rest. */
/** What `list` can show: this peer's copies by kind, what only others have, or all of it. */
export const listKinds = ['shared', 'downloaded', 'replicated', 'remote', 'both'] as const
export type ListKind = (typeof listKinds)[number]
