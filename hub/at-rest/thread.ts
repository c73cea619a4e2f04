import { giveBackAtRest } from './at-rest.ts'

/** Loaded beside what a thread does. */
giveBackAtRest()
