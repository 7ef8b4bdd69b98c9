/** The arrows of the UI: lib < i18n, api, whep < kit < views. Sizes as in the rest of the house. */
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const ROOMS = ["lib", "i18n", "api", "whep", "kit", "views"];
const MAY_IMPORT = {
  lib: [],
  i18n: ["lib"],
  api: ["lib"],
  whep: ["lib"],
  kit: ["lib", "i18n"],
};

const zones = Object.entries(MAY_IMPORT).map(([room, allowed]) => ({
  files: [`src/${room}/**/*.{ts,tsx}`],
  ignores: ["**/*.test.{ts,tsx}"],
  rules: {
    "no-restricted-imports": [
      "error",
      {
        patterns: [
          { group: ["./*", "../*"], message: "Absolute imports name the room." },
          ...ROOMS.filter((other) => other !== room && !allowed.includes(other)).map((other) => ({
            group: [`@/${other}/*`, `@/${other}`],
            message: `${room} doesn't know ${other}.`,
          })),
        ],
      },
    ],
  },
}));

export default tseslint.config(
  { ignores: ["node_modules", "dist", "scripts", "eslint.config.js"] },
  ...tseslint.configs.strict,
  {
    files: ["**/*.{ts,tsx}"],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    plugins: { "react-hooks": hooks },
    rules: {
      "react-hooks/rules-of-hooks": "error", // the rest of its rules are for the compiler, which we do without
      "react-hooks/exhaustive-deps": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-misused-promises": ["error", { checksVoidReturn: { attributes: false } }],
      "@typescript-eslint/switch-exhaustiveness-check": "off",
      complexity: ["error", 15], // it counts each ?. and ??, which Python doesn't have
      eqeqeq: "error",
      "max-lines": ["error", 400],
      "max-lines-per-function": ["error", { max: 40, skipBlankLines: true, skipComments: true }],
      "no-console": "error",
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "Text is text." },
      ],
    },
  },
  {
    files: ["**/*.tsx"], // markup is long without being deep
    rules: {
      complexity: ["error", 24], // each && of markup counts
      "max-lines-per-function": ["error", { max: 80, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ["**/*.test.{ts,tsx}", "src/testing/**"],
    rules: {
      "max-lines-per-function": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-extraneous-class": "off",
    },
  },
  { files: ["src/i18n/*.ts"], rules: { "max-lines": "off" } }, // lists of sentences
  ...zones,
);
