export { default } from '../../../isolation/app/config/logger.ts'
