/** @type {import('jest').Config} */
module.exports = {
  roots: ['<rootDir>/__test__'],
  testMatch: ['<rootDir>/__test__/**/*.test.ts'],
  testEnvironment: 'node',
  testTimeout: 20_000,
  maxWorkers: 2,
  transform: {
    '\\.[tj]s$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
      },
    ],
  },
  // What there is only as modules of ECMAScript.
  transformIgnorePatterns: ['/node_modules/(?!(arktype|@ark|arkregex)/)'],
  // The bundle that is published, not the sources it is made of.
  moduleNameMapper: {
    '^loom-live$': '<rootDir>/dist/index.cjs',
    '^loom-live/client$': '<rootDir>/dist/imports.cjs',
    '^loom-live/(publish|testing|opentelemetry|jsx-runtime|jsx-dev-runtime|jsx-compiler|jsx-loader)$':
      '<rootDir>/dist/$1.cjs',
  },
}
