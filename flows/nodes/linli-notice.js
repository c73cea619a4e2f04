export { default } from './linli-notice.ts'
