// Accepts a Shopify webhook the way the guides show it: Express 5, the raw body, Shopify's own validation, one INSERT.
import '@shopify/shopify-api/adapters/node';
import cluster from 'node:cluster';
import { LogSeverity, shopifyApi } from '@shopify/shopify-api';
import express from 'express';
import pg from 'pg';

const [port, workers, secret, database] = process.argv.slice(2);

if (cluster.isPrimary) {
  for (let n = 0; n < Number(workers); n += 1) cluster.fork();
} else {
  const shopify = shopifyApi({
    apiKey: 'benchmark',
    apiSecretKey: secret,
    apiVersion: '2026-10',
    hostName: '127.0.0.1',
    isEmbeddedApp: true,
    logger: { level: LogSeverity.Error },
  });
  const pool = new pg.Pool({ connectionString: database, max: 10 });
  let last = BigInt(Date.now()) << 18n;
  const keep = {
    name: 'keep',
    text: `insert into peer_jobs (store_id, id, kind, key, payload, state, once, run_at, attempts, reason, created_at)
           values (1, $1, 'refresh_order', $2, $3, 'waiting', false, now(), 0, '', now()) on conflict do nothing`,
  };
  const app = express();
  app.disable('x-powered-by');
  app.post('/hooks', express.raw({ type: '*/*', limit: '5mb' }), async (req, res) => {
    const { valid } = await shopify.webhooks.validate({
      rawBody: req.body.toString(),
      rawRequest: req,
      rawResponse: res,
    });
    if (!valid) return res.sendStatus(401);
    const ref = String(JSON.parse(req.body).id);
    last += 1n;
    const id = last * 4n + BigInt(cluster.worker.id % 4);
    await pool.query({ ...keep, values: [id.toString(), `order:${ref}`, JSON.stringify({ ref })] });
    return res.sendStatus(200);
  });
  app.listen(Number(port), '127.0.0.1');
}
