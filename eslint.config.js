import { configPkg } from '@adonisjs/eslint-config'

export default configPkg(
  { ignores: ['tmp/**', 'examples/**/build/**'] },
  {
    name: 'No promise is left alone: a lost rejection is a lost run',
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': ['error', { ignoreVoid: true }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: false }],
    },
  },
  {
    name: 'Japa runs the promises that test() and its modifiers return',
    files: ['tests/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' },
  }
)
