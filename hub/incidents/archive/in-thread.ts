import { createArchive } from './store.ts'

/** What the thread makes of its part of the databases. */
export const createInThread = createArchive
