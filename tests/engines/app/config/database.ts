export { default } from '../../../isolation/app/config/database.ts'
