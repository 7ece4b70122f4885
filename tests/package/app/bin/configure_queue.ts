/**
 * `node ace configure @adonisjs/queue`, its question answered: there is nobody to ask here.
 */
import 'reflect-metadata'
import { Ignitor } from '@adonisjs/core'
import Configure from '@adonisjs/core/commands/configure'

const APP_ROOT = new URL('../', import.meta.url)
const app = new Ignitor(APP_ROOT, { importer: (path) => import(path) }).createApp('console')
await app.init()
await app.boot()

const ace = await app.container.make('ace')
const command = await ace.create(Configure, ['@adonisjs/queue'])
command.prompt.trap('Select the queue driver you plan to use').replyWith('database')
await command.exec()
process.exitCode = command.exitCode
await app.terminate()
