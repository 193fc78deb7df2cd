// Fails if the Khronos glTF validator finds an error in any of the files named.
const fs = require("fs");
const validator = require("gltf-validator");

(async () => {
  for (const path of process.argv.slice(2)) {
    const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(path)));
    const { numErrors, numWarnings, messages } = report.issues;
    console.log(`${path}: ${numErrors} errors, ${numWarnings} warnings`);
    if (numErrors) {
      console.log(JSON.stringify(messages.slice(0, 5), null, 1));
      process.exitCode = 1;
    }
  }
})();
