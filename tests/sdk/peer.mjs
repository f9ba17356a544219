// The providers' own SDKs for Node as a peer of the tests: one JSON object a line in, one out.
//
// In: { adapter, op: "sign" | "verify" | "key", secret, at, id, url, body, headers }. `at` is in seconds; `secret` is the one that the
// gateway is configured with (a public key where the provider has one). Out: { headers } for "sign", and { query } where the SDK
// puts something into the URL, { body } where it puts the signature into the body; { verified } for "verify", { public } for "key": the public half of a pair whose other half signs; { error } for what the peer
// itself cannot do.
//
// An adapter calls the SDK's own function and adds nothing: no check, no default, no repair. What the SDK throws is a refusal.

import { createHash, createSecretKey, createSign, generateKeyPairSync, randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import https from 'node:https';
import { createInterface } from 'node:readline';

/** A module, loaded at first use: each set of SDKs installs only its own. */
const loaded = new Map();
async function sdk(name) {
  if (!loaded.has(name)) loaded.set(name, await import(name));
  return loaded.get(name);
}

/** Whether a function that throws on a refusal came back. */
const passes = async (call) => {
  await call();
  return true;
};

const standard = (module) => ({
  async sign({ secret, at, id, body }) {
    const { Webhook } = await sdk(module);
    const prefix = module === 'svix' ? 'svix' : 'webhook';
    const signature = new Webhook(secret).sign(id, new Date(at * 1000), body);
    return { [`${prefix}-id`]: id, [`${prefix}-timestamp`]: String(at), [`${prefix}-signature`]: signature };
  },
  async verify({ secret, body, headers }) {
    const { Webhook } = await sdk(module);
    return passes(() => new Webhook(secret).verify(body, headers));
  },
});

const hubspot = (signatureVersion, header) => ({
  async sign({ secret, at, url, body }) {
    const { Signature } = (await sdk('@hubspot/api-client')).default;
    const options = { clientSecret: secret, requestBody: body, url, timestamp: at * 1000 };
    const timestamp = signatureVersion === 'v3' ? { 'x-hubspot-request-timestamp': String(at * 1000) } : {};
    return { [header]: Signature.getSignature('POST', signatureVersion, options), ...timestamp };
  },
  async verify({ secret, url, body, headers }) {
    const { Signature } = (await sdk('@hubspot/api-client')).default;
    const timestamp = Number(headers['x-hubspot-request-timestamp']);
    const given = { signatureVersion, signature: headers[header], clientSecret: secret, requestBody: body };
    return Signature.isValid({ ...given, method: 'POST', url, timestamp });
  },
});

const cloudinary = (signature_algorithm) => ({
  async sign({ secret, at, body }) {
    const { utils } = (await sdk('cloudinary')).default.v2;
    const signature = utils.webhook_signature(body, at, { api_secret: secret, signature_algorithm });
    return { 'x-cld-timestamp': String(at), 'x-cld-signature': signature };
  },
  async verify({ secret, body, headers }) {
    const { config, utils } = (await sdk('cloudinary')).default.v2;
    config({ api_secret: secret, signature_algorithm });
    return utils.verifyNotificationSignature(body, headers['x-cld-timestamp'], headers['x-cld-signature']);
  },
});

/** The libraries of tokens that these SDKs verify with sign, too: providers alone have signers of them. */
const token = async (secret, at, claims) => {
  const { SignJWT } = await sdk('jose');
  const jwt = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).setNotBefore(at).setExpirationTime(at + 300);
  return jwt.sign(new TextEncoder().encode(secret));
};

const sha256 = (text, encoding) => createHash('sha256').update(text).digest(encoding);

const shopify = (prefix, named) => ({
  async sign({ secret, id, body }) {
    const { createSHA256HMAC } = await sdk('@shopify/shopify-api/runtime');
    return { [`${prefix}hmac-sha256`]: await createSHA256HMAC(secret, body), [`${prefix}webhook-id`]: id, ...named };
  },
  async verify({ secret, body, headers }) {
    await sdk('@shopify/shopify-api/adapters/node');
    const { shopifyApi, LogSeverity } = await sdk('@shopify/shopify-api');
    const app = { apiKey: 'unused', hostName: 'unused.example.com', isEmbeddedApp: false, apiVersion: '2025-10' };
    const { webhooks } = shopifyApi({ ...app, apiSecretKey: secret, logger: { level: LogSeverity.Error, log: () => {} } });
    const { valid } = await webhooks.validate({ rawBody: body, rawRequest: { method: 'POST', url: '/in', headers } });
    return valid;
  },
});

const form = (body) => {
  const params = {};
  for (const [name, value] of new URLSearchParams(body)) {
    if (name in params) params[name] = [params[name], value].flat();
    else params[name] = value;
  }
  return params;
};

/** What the SDK signs in the body: a JSON item, or a kind of notification and its id. */
const item = (body) => JSON.parse(body).notificationItems[0].NotificationRequestItem;

const braintree = async (secret) => {
  const { BraintreeGateway, Environment } = (await sdk('braintree')).default;
  return new BraintreeGateway({ environment: Environment.Sandbox, merchantId: 'unused', publicKey: 'public-key', privateKey: secret });
};

/** What this SDK fetches, and keeps for good, is the key of the test, which stands where the certificate would. */
const sns = (SignatureVersion, hash) => ({
  async key() {
    sns.pair ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
    return sns.pair.publicKey.export({ type: 'spki', format: 'pem' });
  },
  async body({ at, body }) {
    const message = { ...JSON.parse(body), Timestamp: new Date(at * 1000).toISOString(), SignatureVersion };
    const named = ['Message', 'MessageId', 'Subject', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
    const signed = named.filter((name) => name in message).map((name) => `${name}\n${message[name]}\n`);
    message.Signature = createSign(hash).update(signed.join('')).sign(sns.pair.privateKey, 'base64');
    return JSON.stringify(message);
  },
  async verify({ secret, body }) {
    const { default: MessageValidator } = await sdk('sns-validator');
    https.get = (url, take) => {
      const response = Object.assign(new EventEmitter(), { statusCode: 200 });
      take(response);
      response.emit('data', secret);
      response.emit('end');
      return response;
    };
    return new Promise((resolve) => new MessageValidator().validate(body, (error) => resolve(!error)));
  },
});

const quiet = { debug() {}, error() {}, warn() {}, info() {} };

const adapters = {
  stripe: {
    async sign({ secret, at, body }) {
      const { default: Stripe } = await sdk('stripe');
      const header = Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp: at });
      return { 'stripe-signature': header };
    },
    async verify({ secret, body, headers }) {
      const { default: Stripe } = await sdk('stripe');
      return passes(() => Stripe.webhooks.constructEvent(body, headers['stripe-signature'], secret));
    },
  },
  octokit: {
    async sign({ secret, body }) {
      const { sign } = await sdk('@octokit/webhooks-methods');
      return { 'x-hub-signature-256': await sign(secret, body) };
    },
    async verify({ secret, body, headers }) {
      const { verify } = await sdk('@octokit/webhooks-methods');
      return verify(secret, body, headers['x-hub-signature-256']);
    },
  },
  standardwebhooks: standard('standardwebhooks'),
  svix: standard('svix'),
  sanity: {
    async sign({ secret, at, body }) {
      const { encodeSignatureHeader } = await sdk('@sanity/webhook');
      return { 'sanity-webhook-signature': await encodeSignatureHeader(body, at * 1000, secret) };
    },
    async verify({ secret, body, headers }) {
      const { isValidSignature } = await sdk('@sanity/webhook');
      return isValidSignature(body, headers['sanity-webhook-signature'], secret);
    },
  },
  discord: {
    async verify({ secret, body, headers }) {
      const { verifyKey } = (await sdk('discord-interactions')).default;
      return verifyKey(body, headers['x-signature-ed25519'], headers['x-signature-timestamp'], secret);
    },
  },
  sendgrid: {
    // The SDK has no signer: the library of the curve that it verifies with signs, too.
    async key() {
      this.pair ??= generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      return this.pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    },
    async sign({ at, body }) {
      const { default: ecdsa } = await sdk('starkbank-ecdsa');
      const signature = ecdsa.Ecdsa.sign(`${at}${body}`, ecdsa.PrivateKey.fromPem(this.pair.privateKey.export({ type: 'sec1', format: 'pem' })));
      return {
        'x-twilio-email-event-webhook-timestamp': String(at),
        'x-twilio-email-event-webhook-signature': signature.toBase64(),
      };
    },
    async verify({ secret, body, headers }) {
      const { EventWebhook } = (await sdk('@sendgrid/eventwebhook')).default;
      const verifier = new EventWebhook();
      const signature = headers['x-twilio-email-event-webhook-signature'];
      const timestamp = headers['x-twilio-email-event-webhook-timestamp'];
      return verifier.verifySignature(verifier.convertPublicKeyToECDSA(secret), body, signature, timestamp);
    },
  },
  pusher: {
    async verify({ secret, body, headers }) {
      const { default: Pusher } = await sdk('pusher');
      const client = new Pusher({ appId: '1', key: 'app-key', secret, cluster: 'eu' });
      return client.webhook({ headers, rawBody: body }).isValid();
    },
  },
  line: {
    async verify({ secret, body, headers }) {
      const { validateSignature } = await sdk('@line/bot-sdk');
      return validateSignature(body, secret, headers['x-line-signature']);
    },
  },
  paddle: {
    async verify({ secret, body, headers }) {
      const { Paddle } = await sdk('@paddle/paddle-node-sdk');
      return new Paddle('unused').webhooks.isSignatureValid(body, secret, headers['paddle-signature']);
    },
  },
  razorpay: {
    async verify({ secret, body, headers }) {
      const { default: Razorpay } = await sdk('razorpay');
      return Razorpay.validateWebhookSignature(body, headers['x-razorpay-signature'], secret);
    },
  },
  square: {
    async verify({ secret, url, body, headers }) {
      const { WebhooksHelper } = (await sdk('square')).default;
      const signatureHeader = headers['x-square-hmacsha256-signature'];
      return WebhooksHelper.verifySignature({ requestBody: body, signatureHeader, signatureKey: secret, notificationUrl: url });
    },
  },
  telnyx: {
    async verify({ secret, body, headers }) {
      const { default: Telnyx } = await sdk('telnyx');
      const client = new Telnyx({ apiKey: 'unused', publicKey: secret });
      return passes(() => client.webhooks.unwrap(body, { headers }));
    },
  },
  mux: {
    async verify({ secret, body, headers }) {
      const { default: Mux } = await sdk('@mux/mux-node');
      const client = new Mux({ tokenId: 'unused', tokenSecret: 'unused' });
      return passes(() => client.webhooks.verifySignature(body, headers, secret));
    },
  },
  // This SDK takes the body as an object and writes it anew before it looks at the signature.
  workos: {
    async sign({ secret, at, body }) {
      const { WorkOS } = await sdk('@workos-inc/node');
      const { webhooks } = new WorkOS('unused');
      const timestamp = at * 1000;
      return { 'workos-signature': `t=${timestamp}, v1=${await webhooks.computeSignature(timestamp, JSON.parse(body), secret)}` };
    },
    async verify({ secret, body, headers }) {
      const { WorkOS } = await sdk('@workos-inc/node');
      const given = { payload: JSON.parse(body), sigHeader: headers['workos-signature'], secret };
      return new WorkOS('unused').webhooks.verifyHeader(given);
    },
  },
  replicate: {
    async verify({ secret, body, headers }) {
      const { validateWebhook } = await sdk('replicate');
      return validateWebhook({ headers, body }, secret);
    },
  },
  openai: {
    async verify({ secret, body, headers }) {
      const { default: OpenAI } = await sdk('openai');
      const client = new OpenAI({ apiKey: 'unused', webhookSecret: secret });
      return passes(() => client.webhooks.verifySignature(body, headers));
    },
  },
  anthropic: {
    async verify({ secret, body, headers }) {
      const { default: Anthropic } = await sdk('@anthropic-ai/sdk');
      const client = new Anthropic({ apiKey: 'unused', webhookKey: secret });
      return passes(() => client.beta.webhooks.unwrap(body, { headers }));
    },
  },
  resend: {
    async verify({ secret, body, headers }) {
      const { Resend } = await sdk('resend');
      const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map((name) => headers[`svix-${name}`]);
      const given = { payload: body, headers: { id, timestamp, signature }, webhookSecret: secret };
      return passes(() => new Resend('re_unused').webhooks.verify(given));
    },
  },
  'modern-treasury': {
    async sign({ secret, body }) {
      const { default: ModernTreasury } = await sdk('modern-treasury');
      const client = new ModernTreasury({ apiKey: 'unused', organizationID: 'unused', webhookKey: secret });
      return { 'x-signature': await client.webhooks.getSignature(body) };
    },
    async verify({ secret, body, headers }) {
      const { default: ModernTreasury } = await sdk('modern-treasury');
      const client = new ModernTreasury({ apiKey: 'unused', organizationID: 'unused', webhookKey: secret });
      return client.webhooks.validateSignature(body, headers);
    },
  },
  orb: {
    async verify({ secret, body, headers }) {
      const { default: Orb } = await sdk('orb-billing');
      return passes(() => new Orb({ apiKey: 'unused' }).webhooks.verifySignature(body, headers, secret));
    },
  },
  lithic: {
    async verify({ secret, body, headers }) {
      const { default: Lithic } = await sdk('lithic');
      return passes(() => new Lithic({ apiKey: 'unused' }).webhooks.verifySignature(body, headers, secret));
    },
  },
  gocardless: {
    async verify({ secret, body, headers }) {
      const { verifySignature } = await sdk('gocardless-nodejs/webhooks');
      return passes(() => verifySignature(body, secret, headers['webhook-signature']));
    },
  },
  'cloudinary-sha1': cloudinary('sha1'),
  'cloudinary-sha256': cloudinary('sha256'),
  adyen: {
    async sign({ secret, body }) {
      const { hmacValidator } = (await sdk('@adyen/api-library')).default;
      return { hmacsignature: new hmacValidator().calculateHmac(body, secret) };
    },
    async verify({ secret, body, headers }) {
      const { hmacValidator } = (await sdk('@adyen/api-library')).default;
      return new hmacValidator().validateHMACSignature(secret, headers.hmacsignature, body);
    },
  },
  linear: {
    async verify({ secret, body, headers }) {
      const { LinearWebhookClient } = await sdk('@linear/sdk/webhooks');
      const { webhookTimestamp } = JSON.parse(body);
      return new LinearWebhookClient(secret).verify(Buffer.from(body), headers['linear-signature'], webhookTimestamp);
    },
  },
  easypost: {
    async verify({ secret, body, headers }) {
      const { default: EasyPost } = await sdk('@easypost/api');
      return passes(() => new EasyPost('unused').Utils.validateWebhook(Buffer.from(body), headers, secret));
    },
  },
  'hubspot-v1': hubspot('v1', 'x-hubspot-signature'),
  'hubspot-v2': hubspot('v2', 'x-hubspot-signature'),
  'hubspot-v3': hubspot('v3', 'x-hubspot-signature-v3'),
  'coinbase-commerce': {
    async sign({ secret, body }) {
      const { Webhook } = (await sdk('coinbase-commerce-node')).default;
      return { 'x-cc-webhook-signature': Webhook.computeSignature(body, secret) };
    },
    async verify({ secret, body, headers }) {
      const { Webhook } = (await sdk('coinbase-commerce-node')).default;
      return Webhook.verifySigHeader(body, headers['x-cc-webhook-signature'], secret);
    },
  },
  'twilio-form': {
    async sign({ secret, url, body }) {
      const { getExpectedTwilioSignature } = (await sdk('twilio')).default;
      return { 'x-twilio-signature': getExpectedTwilioSignature(secret, url, form(body)) };
    },
    async verify({ secret, url, body, headers }) {
      const { validateRequest } = (await sdk('twilio')).default;
      return validateRequest(secret, headers['x-twilio-signature'], url, form(body));
    },
  },
  'twilio-json': {
    async query({ body }) {
      const { getExpectedBodyHash } = await sdk('twilio/lib/webhooks/webhooks.js');
      return `bodySHA256=${getExpectedBodyHash(body)}`;
    },
    async sign({ secret, url }, query) {
      const { getExpectedTwilioSignature } = (await sdk('twilio')).default;
      return { 'x-twilio-signature': getExpectedTwilioSignature(secret, `${url}?${query}`, {}) };
    },
    async verify({ secret, url, body, headers }) {
      const { validateRequestWithBody } = (await sdk('twilio')).default;
      return validateRequestWithBody(secret, headers['x-twilio-signature'], url, body);
    },
  },
  shopify: shopify('x-shopify-', {
    'x-shopify-topic': 'orders/create',
    'x-shopify-shop-domain': 'unused.myshopify.com',
    'x-shopify-api-version': '2025-10',
  }),
  'shopify-events': shopify('shopify-', {
    'shopify-topic': 'Product',
    'shopify-shop-domain': 'unused.myshopify.com',
    'shopify-api-version': '2025-10',
    'shopify-event-id': 'unused',
    'shopify-handle': 'unused',
    'shopify-action': 'create',
    'shopify-resource-id': 'unused',
    'shopify-triggered-at': '2026-01-01T00:00:00Z',
  }),
  contentful: {
    async sign({ secret, at, url, body }) {
      const { signRequest } = await sdk('@contentful/node-apps-toolkit');
      const given = { method: 'POST', path: new URL(url).pathname, headers: { 'x-contentful-topic': 'Entry.publish' }, body };
      return { 'x-contentful-topic': 'Entry.publish', ...signRequest(secret, given, at * 1000) };
    },
    async verify({ secret, url, body, headers }) {
      const { verifyRequest } = await sdk('@contentful/node-apps-toolkit');
      return verifyRequest(secret, { method: 'POST', path: new URL(url).pathname, headers, body });
    },
  },
  box: {
    async sign({ secret, at, body }) {
      const { computeWebhookSignature } = await sdk('box-node-sdk/internal/utilsNode');
      const headers = {
        'box-delivery-timestamp': new Date(at * 1000).toISOString(),
        'box-signature-version': '1',
        'box-signature-algorithm': 'HmacSHA256',
      };
      return { ...headers, 'box-signature-primary': await computeWebhookSignature(body, headers, secret) };
    },
    async verify({ secret, body, headers }) {
      const { WebhooksManager } = await sdk('box-node-sdk/managers');
      return WebhooksManager.validateMessage(body, headers, secret);
    },
  },
  hookdeck: {
    async verify({ secret, body, headers }) {
      const { verifyWebhookSignature } = (await sdk('@hookdeck/sdk/webhooks/helpers.js')).default;
      return (await verifyWebhookSignature({ headers, rawBody: body, signingSecret: secret })).isValidSignature;
    },
  },
  mailtrap: {
    async verify({ secret, body, headers }) {
      const { verifyWebhookSignature } = (await sdk('mailtrap')).default;
      return verifyWebhookSignature(body, headers['mailtrap-signature'], secret);
    },
  },
  highlevel: {
    async verify({ secret, body, headers }) {
      const { WebhookManager } = (await sdk('@gohighlevel/api-client')).default;
      return new WebhookManager(quiet).verifyEd25519Signature(body, headers['x-ghl-signature'], secret);
    },
  },
  // This SDK has a signer only; its page says to compare with what that gives.
  solidgate: {
    async sign({ secret, body }) {
      const { Api } = (await sdk('@solidgate/node-sdk')).default;
      return { merchant: 'api_pk', signature: new Api('api_pk', secret)._generateSignature(body) };
    },
    async verify(ask) {
      return (await this.sign(ask)).signature === ask.headers.signature;
    },
  },
  twitter: {
    async verify({ secret, body, headers }) {
      const { validateSignature } = (await sdk('twitter-autohook')).default;
      return validateSignature(headers, { consumer_secret: secret }, body);
    },
  },
  viber: {
    async verify({ secret, body, headers }) {
      const { default: MessageValidator } = await sdk('viber-bot/lib/message/message-validator.js');
      return new MessageValidator(quiet, secret).validateMessage(headers['x-viber-content-signature'], body);
    },
  },
  // This SDK takes the body as an object and writes it anew before it looks at the signature.
  smartcar: {
    async verify({ secret, body, headers }) {
      const { default: smartcar } = await sdk('smartcar');
      return smartcar.verifyPayload(secret, headers['sc-signature'], JSON.parse(body));
    },
  },
  clerk: {
    async verify({ secret, url, body, headers }) {
      const { verifyWebhook } = await sdk('@clerk/backend/webhooks');
      const request = new Request(url, { method: 'POST', headers: new Headers(headers), body });
      return passes(() => verifyWebhook(request, { signingSecret: secret }));
    },
  },
  retell: {
    async verify({ secret, body, headers }) {
      const { default: Retell } = await sdk('retell-sdk');
      return Retell.verify(body, secret, headers['x-retell-signature']);
    },
  },
  qstash: {
    async sign({ secret, at, id, url, body }) {
      return { 'upstash-signature': await token(secret, at, { iss: 'Upstash', sub: url, jti: id, body: sha256(body, 'base64url') }) };
    },
    async verify({ secret, url, body, headers }) {
      const { Receiver } = await sdk('@upstash/qstash');
      const receiver = new Receiver({ currentSigningKey: secret, nextSigningKey: secret });
      return receiver.verify({ signature: headers['upstash-signature'], body, url });
    },
  },
  livekit: {
    async sign({ secret, at, body }) {
      return { authorization: await token(secret, at, { iss: 'api-key', sha256: sha256(body, 'base64') }) };
    },
    async verify({ secret, body, headers }) {
      const { WebhookReceiver } = await sdk('livekit-server-sdk');
      return passes(() => new WebhookReceiver('api-key', secret).receive(body, headers.authorization));
    },
  },
  messagebird: {
    async sign({ secret, at, id, url, body }) {
      const hashes = { url_hash: sha256(url, 'hex'), payload_hash: sha256(body, 'hex') };
      return { 'messagebird-signature-jwt': await token(secret, at, { iss: 'MessageBird', jti: id, ...hashes }) };
    },
    async verify({ secret, url, body, headers }) {
      const { verify } = (await sdk('messagebird/lib/webhook-signature-jwt.js')).default;
      const key = createSecretKey(Buffer.from(secret, 'utf8'));
      return passes(() => verify(url, Buffer.from(body), headers['messagebird-signature-jwt'], key));
    },
  },
  'adyen-item': {
    async body({ secret, body }) {
      const { hmacValidator } = (await sdk('@adyen/api-library')).default;
      const signed = JSON.parse(body);
      const { NotificationRequestItem } = signed.notificationItems[0];
      NotificationRequestItem.additionalData = { hmacSignature: new hmacValidator().calculateHmac(NotificationRequestItem, secret) };
      return JSON.stringify(signed);
    },
    async verify({ secret, body }) {
      const { hmacValidator } = (await sdk('@adyen/api-library')).default;
      return new hmacValidator().validateHMAC(item(body), secret);
    },
  },
  braintree: {
    async body({ secret, body }) {
      const [kind, id] = body.split(' ');
      return new URLSearchParams((await braintree(secret)).webhookTesting.sampleNotification(kind, id)).toString();
    },
    async verify({ secret, body }) {
      const { bt_signature, bt_payload } = form(body);
      return passes(async () => (await braintree(secret)).webhookNotification.parse(bt_signature, bt_payload));
    },
  },
  hook0: {
    async verify({ secret, body, headers }) {
      const { verifyWebhookSignature } = (await sdk('hook0-client')).default;
      return verifyWebhookSignature(headers['x-hook0-signature'], body, new Headers(headers), secret, 300);
    },
  },
  mollie: {
    async sign({ secret, body }) {
      const { SignatureValidator } = await sdk('mollie-api-typescript/utils/webhooks/signature_validator.js');
      return { 'x-mollie-signature': `sha256=${await SignatureValidator.createSignature(body, secret)}` };
    },
    async verify({ secret, body, headers }) {
      const { SignatureValidator } = await sdk('mollie-api-typescript/utils/webhooks/signature_validator.js');
      return SignatureValidator.validate(body, secret, headers['x-mollie-signature']);
    },
  },
  notion: {
    async sign({ secret, body }) {
      const { signWebhookPayload } = (await sdk('@notionhq/client')).default;
      return { 'x-notion-signature': await signWebhookPayload({ body, verificationToken: secret }) };
    },
    async verify({ secret, body, headers }) {
      const { verifyWebhookSignature } = (await sdk('@notionhq/client')).default;
      return verifyWebhookSignature({ body, signature: headers['x-notion-signature'], verificationToken: secret });
    },
  },
  // Plaid's SDK verifies nothing: this is what its documentation says to do, step by step, with the key that it would fetch.
  plaid: {
    async key() {
      const { exportJWK, generateKeyPair } = await sdk('jose');
      const pair = await generateKeyPair('ES256', { extractable: true });
      this.private = pair.privateKey;
      return JSON.stringify({ ...(await exportJWK(pair.publicKey)), alg: 'ES256', kid: 'key-1', use: 'sig' });
    },
    async sign({ at, body }) {
      const { SignJWT } = await sdk('jose');
      const jwt = new SignJWT({ request_body_sha256: sha256(body, 'hex') });
      const header = { alg: 'ES256', kid: 'key-1', typ: 'JWT' };
      return { 'plaid-verification': await jwt.setProtectedHeader(header).setIssuedAt(at).sign(this.private) };
    },
    async verify({ secret, body, headers }) {
      const { decodeProtectedHeader, importJWK, jwtVerify } = await sdk('jose');
      const jwt = headers['plaid-verification'];
      if (decodeProtectedHeader(jwt).alg !== 'ES256') return false;
      const { payload } = await jwtVerify(jwt, await importJWK(JSON.parse(secret)), { maxTokenAge: '5 min' });
      return payload.request_body_sha256 === sha256(body, 'hex');
    },
  },
  plivo: {
    async verify({ secret, url, body, headers }) {
      const { validateV3Signature } = (await sdk('plivo')).default;
      const nonce = headers['x-plivo-signature-v3-nonce'];
      return validateV3Signature('POST', url, nonce, secret, headers['x-plivo-signature-v3'], form(body));
    },
  },
  'plivo-get': {
    async verify({ secret, url, headers }) {
      const { validateV3Signature } = (await sdk('plivo')).default;
      const nonce = headers['x-plivo-signature-v3-nonce'];
      return validateV3Signature('GET', url, nonce, secret, headers['x-plivo-signature-v3']);
    },
  },
  'shopify-app-proxy': {
    async verify({ secret, url }) {
      await sdk('@shopify/shopify-api/adapters/node');
      const { shopifyApi, LogSeverity } = await sdk('@shopify/shopify-api');
      const app = { apiKey: 'unused', hostName: 'unused.example.com', isEmbeddedApp: false, apiVersion: '2025-10' };
      const { utils } = shopifyApi({ ...app, apiSecretKey: secret, logger: { level: LogSeverity.Error, log: () => {} } });
      return utils.validateHmac(form(new URL(url).search), { signator: 'appProxy' });
    },
  },
  todoist: {
    async verify({ secret, body, headers }) {
      const { verifyWebhookSignature } = await sdk('@doist/todoist-sdk');
      return verifyWebhookSignature({ rawBody: body, signature: headers['x-todoist-hmac-sha256'], clientSecret: secret });
    },
  },
  // What this SDK would fetch is the key of the test; it takes the body as an object and writes it anew.
  ebay: {
    async key() {
      this.pair ??= generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
      return this.pair.publicKey.export({ type: 'spki', format: 'pem' });
    },
    async sign({ body }) {
      const signature = createSign('SHA1').update(body).sign(this.pair.privateKey, 'base64');
      const named = { alg: 'ecdsa', kid: 'key-1', signature, digest: 'SHA1' };
      return { 'x-ebay-signature': Buffer.from(JSON.stringify(named)).toString('base64') };
    },
    async verify({ secret, body, headers }) {
      const { default: client } = await sdk('event-notification-nodejs-sdk/lib/client.js');
      client.getPublicKey = async () => ({ key: secret.replaceAll('\n', '') });
      const { default: validator } = await sdk('event-notification-nodejs-sdk/lib/validator.js');
      return validator.validateSignature(JSON.parse(body), headers['x-ebay-signature'], {});
    },
  },
  // The library signs and reads the token; that it is of this request and not too old, Atlassian's page says to look for.
  'atlassian-connect': {
    request: (jwt, url) => {
      const { pathname, search } = new URL(url);
      return jwt.fromMethodAndUrl('POST', `${pathname.slice('/in'.length)}${search}`);
    },
    async query() {
      return `user_id=${randomUUID()}&b=2&a=x%2Cy&a=1`;
    },
    async sign({ secret, at, url }, query) {
      const { default: jwt } = await sdk('@atlassian/atlassian-jwt');
      const qsh = jwt.createQueryStringHash(this.request(jwt, `${url}?${query}`));
      return { authorization: `JWT ${jwt.encodeSymmetric({ iss: 'client-key', iat: at, exp: at + 180, qsh }, secret)}` };
    },
    async verify({ secret, url, headers }) {
      const { default: jwt } = await sdk('@atlassian/atlassian-jwt');
      const { exp, iss, qsh } = jwt.decodeSymmetric(headers.authorization.slice('JWT '.length), secret, 'HS256');
      return iss === 'client-key' && exp > Date.now() / 1000 && qsh === jwt.createQueryStringHash(this.request(jwt, url));
    },
  },
  bolt: {
    async verify({ secret, body, headers }) {
      const { isValidSlackRequest } = await sdk('@slack/bolt');
      const at = Number(headers['x-slack-request-timestamp']);
      const named = { 'x-slack-request-timestamp': at, 'x-slack-signature': headers['x-slack-signature'] };
      return isValidSlackRequest({ signingSecret: secret, body, headers: named });
    },
  },
  // This SDK parses the body and writes it anew before it looks at the signature.
  zoom: {
    async verify({ secret, body, headers }) {
      const { AwsLambdaReceiver } = await sdk('@zoom/rivet/users');
      const handler = new AwsLambdaReceiver({ webhooksSecretToken: secret }).start();
      return (await handler({ body, headers }, {})).statusCode === 200;
    },
  },
  mailersend: {
    async verify({ secret, body, headers }) {
      const { MailerSendUtils } = (await sdk('mailersend/lib/services/mailersend.utils.js')).default;
      return MailerSendUtils.verifyWebHook(Buffer.from(body), headers.signature, secret);
    },
  },
  // The library verifies the token; that its hash is the body's, Vonage's page says to look for.
  vonage: {
    async sign({ secret, at, id, body }) {
      const { SignJWT } = await sdk('jose');
      const jwt = new SignJWT({ iss: 'Vonage', jti: id, payload_hash: sha256(body, 'hex') });
      const signed = await jwt.setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).setIssuedAt(at).sign(new TextEncoder().encode(secret));
      return { authorization: `Bearer ${signed}` };
    },
    async verify({ secret, body, headers }) {
      const { verifySignature } = await sdk('@vonage/jwt');
      const { decodeJwt } = await sdk('jose');
      const jwt = headers.authorization.slice('Bearer '.length);
      return verifySignature(jwt, secret) && decodeJwt(jwt).payload_hash === sha256(body, 'hex');
    },
  },
  // What this SDK would fetch is the key of the test.
  pubsub: {
    async key() {
      const { exportJWK } = await sdk('jose');
      this.pair ??= generateKeyPairSync('rsa', { modulusLength: 2048 });
      return JSON.stringify({ keys: [{ ...(await exportJWK(this.pair.publicKey)), alg: 'RS256', kid: 'key-1', use: 'sig' }] });
    },
    async sign({ at }) {
      const { SignJWT } = await sdk('jose');
      const named = { iss: 'https://accounts.google.com', aud: 'https://push.example.com', email: 'push@example.com' };
      const jwt = new SignJWT({ ...named, email_verified: true, sub: randomUUID() }).setProtectedHeader({ alg: 'RS256', kid: 'key-1' });
      return { authorization: `Bearer ${await jwt.setIssuedAt(at).setExpirationTime(at + 3600).sign(this.pair.privateKey)}` };
    },
    async verify({ headers }) {
      const { OAuth2Client } = (await sdk('google-auth-library')).default;
      const client = new OAuth2Client();
      const certs = { 'key-1': this.pair.publicKey.export({ type: 'spki', format: 'pem' }) };
      client.getFederatedSignonCertsAsync = async () => ({ certs });
      const given = { idToken: headers.authorization.slice('Bearer '.length), audience: 'https://push.example.com' };
      const { email, email_verified } = (await client.verifyIdToken(given)).getPayload();
      return email === 'push@example.com' && email_verified;
    },
  },
  onfido: {
    async verify({ secret, body, headers }) {
      const { WebhookEventVerifier } = (await sdk('@onfido/api')).default;
      return passes(() => new WebhookEventVerifier(secret).readPayload(body, headers['x-sha2-signature']));
    },
  },
  liveblocks: {
    async verify({ secret, body, headers }) {
      const { WebhookHandler } = await sdk('@liveblocks/node');
      // None of these kinds of events is one that it knows, which it says after it has verified.
      try {
        new WebhookHandler(secret).verifyRequest({ headers, rawBody: body });
      } catch (error) {
        return error.message.startsWith('Unknown event type');
      }
      return false;
    },
  },
  gr4vy: {
    async verify({ secret, body, headers }) {
      const { verifyWebhook } = (await sdk('@gr4vy/sdk')).default;
      const [signatures, timestamp] = ['signatures', 'timestamp'].map((name) => headers[`x-gr4vy-webhook-${name}`]);
      return passes(() => verifyWebhook(body, secret, signatures, timestamp, 300));
    },
  },
  'kontent-ai': {
    async sign({ secret, body }) {
      const { signatureHelper } = (await sdk('@kontent-ai/webhook-helper')).default;
      return { 'x-kontent-ai-signature': signatureHelper.getHashFromString(body, secret) };
    },
    async verify({ secret, body, headers }) {
      const { signatureHelper } = (await sdk('@kontent-ai/webhook-helper')).default;
      return signatureHelper.isValidSignatureFromString(body, secret, headers['x-kontent-ai-signature']);
    },
  },
  signalwire: {
    async verify({ secret, url, body, headers }) {
      const { RestClient } = await sdk('@signalwire/compatibility-api');
      return RestClient.validateRequest(secret, headers['x-signalwire-signature'], url, form(body));
    },
  },
  finch: {
    async verify({ secret, body, headers }) {
      const { default: Finch } = await sdk('@tryfinch/finch-api');
      return passes(() => new Finch({ accessToken: 'unused' }).webhooks.verifySignature(body, headers, secret));
    },
  },
  'dodo-payments': {
    async verify({ secret, body, headers }) {
      const { default: DodoPayments } = await sdk('dodopayments');
      return passes(() => new DodoPayments({ bearerToken: 'unused', webhookKey: secret }).webhooks.unwrap(body, { headers }));
    },
  },
  whop: {
    async verify({ secret, body, headers }) {
      const { default: Whop } = await sdk('@whop/sdk');
      return passes(() => new Whop({ apiKey: 'unused', webhookKey: btoa(secret) }).webhooks.unwrap(body, { headers }));
    },
  },
  lightspark: {
    async verify({ secret, body, headers }) {
      const { verifyAndParseWebhook } = await sdk('@lightsparkdev/lightspark-sdk');
      return passes(() => verifyAndParseWebhook(new TextEncoder().encode(body), headers['lightspark-signature'], secret));
    },
  },
  'imagekit-v1': {
    async verify({ secret, body, headers }) {
      const { default: ImageKit } = await sdk('imagekit');
      const client = new ImageKit({ publicKey: 'unused', privateKey: 'unused', urlEndpoint: 'https://unused.example.com' });
      return passes(() => client.verifyWebhookEvent(body, headers['x-ik-signature'], secret));
    },
  },
  cloudconvert: {
    async verify({ secret, body, headers }) {
      const { default: CloudConvert } = await sdk('cloudconvert');
      return new CloudConvert('unused').webhooks.verify(body, headers['cloudconvert-signature'], secret);
    },
  },
  cashfree: {
    async verify({ secret, body, headers }) {
      const { Cashfree, CFEnvironment } = (await sdk('cashfree-pg')).default;
      const client = new Cashfree(CFEnvironment.SANDBOX, 'unused', secret);
      const [signature, timestamp] = ['signature', 'timestamp'].map((name) => headers[`x-webhook-${name}`]);
      return passes(() => client.PGVerifyWebhookSignature(signature, body, timestamp));
    },
  },
  creem: {
    async verify({ secret, body, headers }) {
      const { verifyWebhookSignature } = await sdk('creem/webhooks');
      return passes(() => verifyWebhookSignature(body, headers, secret));
    },
  },
  'sns-v1': sns('1', 'RSA-SHA1'),
  'sns-v2': sns('2', 'RSA-SHA256'),
  getstream: {
    async verify({ secret, body, headers }) {
      const { StreamClient } = await sdk('@stream-io/node-sdk');
      return new StreamClient('unused', secret).verifyWebhook(body, headers['x-signature']);
    },
  },
  'worldline-direct': {
    async verify({ secret, body, headers }) {
      const { webhooks } = (await sdk('onlinepayments-sdk-nodejs')).default;
      webhooks.inMemorySecretKeyStore.storeSecretKey('key-1', secret);
      return passes(() => webhooks.init(webhooks.inMemorySecretKeyStore).validate(body, headers));
    },
  },
  'worldline-connect': {
    async verify({ secret, body, headers }) {
      const { webhooks } = (await sdk('connect-sdk-nodejs')).default;
      const { newSignatureValidator } = (await sdk('connect-sdk-nodejs/lib/webhooks/validation.js')).default;
      webhooks.inMemorySecretKeyStore.storeSecretKey('key-1', secret);
      return passes(() => newSignatureValidator(webhooks.inMemorySecretKeyStore).validate(body, headers));
    },
  },
  'acuity-scheduling': {
    async verify({ secret, body, headers }) {
      const { default: acuity } = await sdk('acuityscheduling');
      return passes(() => acuity.verifyMessageSignature(secret, body, headers['x-acuity-signature']));
    },
  },
};

async function answer(line) {
  const request = JSON.parse(line);
  const adapter = adapters[request.adapter];
  if (request.op === 'sign' && adapter?.body) return { body: await adapter.body(request) };
  if (!adapter?.[request.op]) return { error: `no ${request.op} of ${request.adapter}` };
  if (request.op === 'key') return { public: await adapter.key() };
  if (request.op === 'sign') {
    const query = await adapter.query?.(request);
    return { headers: await adapter.sign(request, query), query };
  }
  try {
    return { verified: (await adapter.verify(request)) === true };
  } catch (error) {
    // A missing package is a fault of the installation, and must not pass for a refusal.
    if (error.code === 'ERR_MODULE_NOT_FOUND' || error instanceof TypeError) return { error: String(error.stack) };
    return { verified: false };
  }
}

// Answers alone go to the real standard output: an SDK that logs must not be taken for one.
const reply = process.stdout.write.bind(process.stdout);
for (const name of ['log', 'info', 'warn', 'error', 'debug']) console[name] = () => {};
for await (const line of createInterface({ input: process.stdin })) {
  reply(`${JSON.stringify(await answer(line).catch((error) => ({ error: String(error.stack) })))}\n`);
}
