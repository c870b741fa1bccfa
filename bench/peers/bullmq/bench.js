// bench.js REDIS_PORT N: enqueues N small jobs (in batches of 1000), then processes them with two
// workers of concurrency 100; prints both rates as JSON.
'use strict';
const { Queue, Worker } = require('bullmq');

async function main() {
  const connection = { host: '127.0.0.1', port: Number(process.argv[2]), maxRetriesPerRequest: null };
  const total = Number(process.argv[3]);
  const queue = new Queue('bench', { connection });
  await queue.waitUntilReady();

  let began = process.hrtime.bigint();
  const rate = () => Math.round(total / (Number(process.hrtime.bigint() - began) / 1e9));
  for (let i = 0; i < total; i += 1000) {
    await queue.addBulk(Array.from({ length: Math.min(1000, total - i) }, (_, k) => ({
      name: 'bench', data: { n: i + k }, opts: { removeOnComplete: true } })));
  }
  const enqueue = rate();

  let done = 0;
  began = process.hrtime.bigint();
  await new Promise((resolve) => {
    const work = async () => { if (++done === total) resolve(); };
    for (let i = 0; i < 2; i++) new Worker('bench', work, { connection, concurrency: 100 });
  });
  console.log(JSON.stringify({ enqueue_per_s: enqueue, process_per_s: rate() }));
  process.exit(0);
}

main();
