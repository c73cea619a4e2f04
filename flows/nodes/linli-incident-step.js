export { default } from './linli-incident-step.ts'
