import { createStoreBackend } from './backend.ts'

/** What the thread makes of its part of the databases. */
export const createInThread = createStoreBackend
