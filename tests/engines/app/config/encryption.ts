export { default } from '../../../isolation/app/config/encryption.ts'
