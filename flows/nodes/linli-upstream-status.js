export { default } from './linli-upstream-status.ts'
