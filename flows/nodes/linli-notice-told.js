export { default } from './linli-notice-told.ts'
