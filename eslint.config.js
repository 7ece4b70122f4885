import { configPkg } from '@adonisjs/eslint-config'

export default configPkg(
  { ignores: ['tmp/**', 'tests/package/{app,usage}/**', 'examples/**/build/**'] },
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
    name: 'A pinned test silently leaves all the others out',
    files: ['tests/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: 'CallExpression[callee.property.name="pin"]',
          message: 'Do not commit a pinned test',
        },
      ],
    },
  }
)
