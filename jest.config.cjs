/** @type {import('jest').Config} */
module.exports = {
  roots: ['<rootDir>/__test__'],
  testMatch: ['<rootDir>/__test__/**/*.test.ts'],
  testEnvironment: 'node',
  testTimeout: 20_000,
  maxWorkers: 2,
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
      },
    ],
  },
  // The bundle that is published, not the sources it is made of.
  moduleNameMapper: {
    '^loom-live$': '<rootDir>/dist/index.cjs',
    '^loom-live/publish$': '<rootDir>/dist/publish.cjs',
  },
}
