import { defineConfig } from '@adonisjs/core/http'

export const appUrl = 'http://localhost:3333'
export const http = defineConfig({})
