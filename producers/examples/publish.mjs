// Publishes form PA.20 through the gateway. Node 18 or later, no packages.
//   node publish.mjs [FORM [KEY]]   KEY: the same again is the same request; a new one is made where it is left out
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const { BEDELAU_GATEWAY_URL: url, BEDELAU_TOKEN: token } = process.env;
const [file = new URL('form.json', import.meta.url), key = randomUUID()] = process.argv.slice(2);

if (!url || !token) {
  console.error('source .run/env first');
  process.exit(64);
}
const form = await readFile(file);

async function publish() {
  try {
    const answer = await fetch(`${url}/v1/requests`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        'Idempotency-Key': key,
      },
      body: form,
      signal: AbortSignal.timeout(30_000),
    });
    return { status: answer.status, body: await answer.text() };
  } catch (error) {
    return { status: 0, body: `${error.message}\n` };
  }
}

let code = 1;
for (let attempt = 1; attempt <= 5; attempt++) {
  const { status, body } = await publish();
  if (status === 202) { // Kafka has it
    process.stdout.write(body);
    code = 0;
    break;
  }
  process.stderr.write(`${status} ${body}`);
  if (status !== 0 && status !== 503) break;
  await sleep(attempt * 1000); // away, or no answer: the key makes the repeat harmless
}
process.exitCode = code;
