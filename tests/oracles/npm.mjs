// Reads requests as JSON lines, and prints what npm's `twilio` says of each: {"accepts": …, "signature": …}.
// The package is looked for in the directory that the first argument names.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const twilio = createRequire(`${process.argv[2]}/`)("twilio");

for (const line of readFileSync(0, "utf8").trimEnd().split("\n")) {
  const { token, url, form, body, signature } = JSON.parse(line);
  const params = Object.create(null);
  for (const [name, value] of form ?? []) (params[name] ??= []).push(value);
  const accepts =
    body === null
      ? twilio.validateRequest(token, signature, url, params)
      : twilio.validateRequestWithBody(token, signature, url, body);
  console.log(JSON.stringify({ accepts, signature: twilio.getExpectedTwilioSignature(token, url, params) }));
}
