export { default } from './ui-linli-view.ts'
