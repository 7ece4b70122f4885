import { fileURLToPath } from 'node:url'

/** Folder of the files that configure and make:handler write. */
export const stubsRoot = fileURLToPath(new URL('./', import.meta.url))
