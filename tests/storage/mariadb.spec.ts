import { requires } from '../helpers/services.ts'
import { registerServerSuite } from './server_suite.ts'

registerServerSuite(await requires('mariadb'), 'MariaDB')
