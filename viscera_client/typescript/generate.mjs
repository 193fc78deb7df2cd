// Writes the types of the interface into the file that is named, from its OpenAPI document on stdin.
// Left out are errors, which the client throws, and DICOMweb, whose bodies are PS3.18's: they are three quarters of the text.
import { writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";

import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const document = JSON.parse(await text(process.stdin));
const isOwn = (path) => /^\/(v1\/|livez|readyz)/.test(path);
document.paths = Object.fromEntries(Object.entries(document.paths).filter(([path]) => isOwn(path)));
for (const operation of Object.values(document.paths).flatMap(Object.values)) {
  operation.responses = Object.fromEntries(Object.entries(operation.responses).filter(([status]) => status < "400"));
}

const blob = ts.factory.createTypeReferenceNode("Blob");
const tree = await openapiTS(document, {
  transform: (schema) => (schema.format === "binary" ? blob : undefined),
  excludeDeprecated: true,
});
const note = "// Made by `npm run generate`: do not change it by hand.\n";
writeFileSync(process.argv[2], note + astToString(tree));
