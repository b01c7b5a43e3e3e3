// Forwards a webhook to the server under the server's own signature (Standard Webhooks), and speaks an apology when the
// server doesn't answer.
//
// The functions that use it are "protected": Twilio checks its own signature before it runs them. `event` holds the
// decoded fields, `event.request` what surrounded them.
'use strict';

const { createHmac, randomUUID } = require('node:crypto');

// Twilio ends a Function after 10 s, and gives up a webhook after 15 s: the apology must come before both.
const PATIENCE_MS = 8000;
const XML = 'text/xml; charset=utf-8';
const APOLOGY =
  '<?xml version="1.0" encoding="UTF-8"?><Response><Say voice="Polly.Mia-Neural" language="es-MX">' +
  'Disculpa, en este momento no podemos atender tu llamada. Por favor, vuelve a llamar en unos minutos. Gracias.' +
  '</Say><Hangup/></Response>';

/** A secret's bytes: `whsec_` is followed by base64, any other text is taken as it is. */
function keyOf(secret) {
  return secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret, 'utf8');
}

/** The headers of a body's signature; `now` in milliseconds of Unix time. */
function signed(secret, id, now, body) {
  const timestamp = Math.floor(now / 1000).toString();
  const code = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`, 'utf8').digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${code}` };
}

/** The fields of a webhook as a form again, without what the runtime has added. */
function formOf(event) {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(event)) {
    if (name === 'request') continue;
    for (const one of Array.isArray(value) ? value : [value]) form.append(name, String(one));
  }
  return form.toString();
}

async function ask(context, event, path) {
  const body = formOf(event);
  const headers = {
    'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
    ...signed(context.TALIA_VOICE_WEBHOOK_SECRET, `msg_${randomUUID()}`, Date.now(), body),
  };
  // Retries of one webhook carry the same token: the server must see that.
  const idempotency = event.request?.headers?.['i-twilio-idempotency-token'];
  if (idempotency) headers['i-twilio-idempotency-token'] = idempotency;
  const answer = await fetch(new URL(path, context.TALIA_PUBLIC_URL), {
    method: 'POST',
    headers,
    body,
    redirect: 'error',
    signal: AbortSignal.timeout(Number(context.TALIA_PATIENCE_MS ?? PATIENCE_MS)),
  });
  // The body is read under the same time limit.
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return { status: answer.status, type: answer.headers.get('content-type'), text };
}

/** A handler for one of the server's paths. `spoken`: a caller waits for TwiML. */
exports.forwarder = (path, { spoken }) =>
  async function handler(context, event, callback) {
    const response = new Twilio.Response();
    try {
      const { status, type, text } = await ask(context, event, path);
      if (spoken && !/^(text|application)\/xml\b/.test(type ?? '')) throw new Error('the server answered no TwiML');
      response.setStatusCode(status);
      if (text !== '') {
        response.appendHeader('Content-Type', type ?? XML);
        response.setBody(text);
      }
    } catch (error) {
      // The reason only: fields are numbers and names of callers.
      console.error(`talia: ${path}: ${error.name}: ${error.cause?.code ?? error.message}`);
      response.setStatusCode(spoken ? 200 : 502);
      if (spoken) {
        response.appendHeader('Content-Type', XML);
        response.setBody(APOLOGY);
      }
    }
    return callback(null, response);
  };
