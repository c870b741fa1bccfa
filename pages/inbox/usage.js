// The tenant's plan, what of it is used, and the day in figures.
import { $, element, fill, language, number, t } from '/shared/page.js';
import { list, theTenant } from './api.js';
import { reasonText } from './list.js';

const KINDS = ['messages', 'aiRequests', 'tokens', 'storageMb', 'channels', 'assistants'];

function bar(kind, q) {
  const percent = q.limit < 0 ? null : q.limit ? Math.round(100 * q.used / q.limit) : 100;
  const level = percent >= 100 ? 'full' : percent >= 80 ? 'near' : '';
  const text = q.limit < 0 ? fill(t('withoutLimit'), { n: number(q.used) }) : fill(t('usedOf'), { n: number(q.used), of: number(q.limit) });
  const meter = element('div', element('div'), { className: 'meter' });
  meter.setAttribute('role', 'meter');
  meter.setAttribute('aria-label', t(`quota_${kind}`));
  meter.setAttribute('aria-valuemin', 0);
  meter.setAttribute('aria-valuemax', 100);
  meter.setAttribute('aria-valuenow', Math.min(100, percent ?? 0));
  meter.setAttribute('aria-valuetext', text);
  meter.firstChild.style.width = `${Math.min(100, percent ?? 0)}%`;
  const warning = level ? element('strong', t(level === 'full' ? 'quotaFull' : 'quotaNear'), { className: 'warning' }) : null;
  const li = element('li', [element('h3', t(`quota_${kind}`)), element('p', [text, warning ? ' · ' : null, warning]), meter], { className: level });
  li.dataset.kind = kind;
  return li;
}

function figure(name, value) { return element('div', [element('dd', value), element('dt', name)]); }

function table(caption, head, rows) {
  return element('table', [element('caption', caption), element('thead', element('tr', head.map((h) => element('th', h, { scope: 'col' })))),
    element('tbody', rows.map((row) => element('tr', row.map((cell, i) => (i ? element('td', cell) : element('th', cell, { scope: 'row' }))))))]);
}

export async function showUsage() {
  const [{ data: d }, { data: plans }] = await Promise.all([list('/usage/dashboard'), list('/plans')]);
  const plan = plans.find(({ id }) => id === d.plan), day = d.today, latency = day.latency.p50Ms;
  const price = plan?.priceCents == null ? t('byAgreement') : fill(t('perMonth'), { n: number(plan.priceCents / 100, { style: 'currency', currency: plan.currency ?? 'EUR' }) });
  const until = new Intl.DateTimeFormat(language(), { dateStyle: 'long', timeZone: d.timeZone }).format(new Date(d.periodEnd));
  $('#figures').replaceChildren(
    element('h2', theTenant().name),
    element('p', [element('b', fill(t('planOf'), { name: plan?.name ?? d.plan })), ` · ${price} · ${fill(t('until'), { date: until })}`], { id: 'plan' }),
    element('ul', KINDS.map((kind) => bar(kind, d.quotas[kind])), { id: 'quotas' }),
    element('h2', t('today')),
    element('dl', [figure(t('messagesIn'), number(day.messagesIn)), figure(t('messagesOut'), number(day.messagesOut)),
      figure(t('turn_answered'), number(day.answers.answered)), figure(t('turn_handed_over'), number(day.answers.handedOver)),
      figure(t('turn_failed'), number(day.answers.failed)), figure(t('medianLatency'), latency == null ? '—' : `${number(latency)} ms`),
      figure(t('cost'), number(day.answers.costMicros / 1e6, { minimumFractionDigits: 2, maximumFractionDigits: 4 }))], { className: 'figures' }),
    ...(day.byChannel.length ? [table(t('byChannel'), [t('channel'), t('messagesIn'), t('messagesOut')], day.byChannel.map((h) => [h.name, number(h.inbound), number(h.outbound)]))] : []),
    ...(day.failures.length ? [table(t('reasons'), [t('reason'), t('times')], day.failures.map((f) => [reasonText(f.reason), number(f.count)]))] : []));
}
