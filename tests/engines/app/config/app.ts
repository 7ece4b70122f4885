export { http } from '../../../isolation/app/config/app.ts'
