// The status page, kept up to date. Nothing is loaded from anywhere but the gateway itself.
//
// 1. What others wrote becomes text, never markup: elements are made here, and texts are set with textContent.
// 2. The token is held in a variable of this page, sent with changing calls only, and gone when the page is.
// 3. Without this script the page is whole, and stands still.
'use strict';
(() => {
  const SVG = 'http://www.w3.org/2000/svg';
  const DECISIONS_MAX = 100;
  const SEEN_LATE_MS = 5000;
  const byId = (id) => document.getElementById(id);
  const integrations = new Map();
  const rows = new Map();
  let decisions = [];
  let canChange = false;
  let token = '';
  let pending = null;
  let heard = 0;

  // --- making elements ---

  function make(tag, options = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(options)) {
      if (name === 'text') element.textContent = value;
      else if (name === 'on') element.addEventListener('click', value);
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value));
    }
    element.append(...children.filter((child) => child !== null));
    return element;
  }

  const dash = (text) => (text === null || text === undefined || text === '' ? '–' : String(text));
  const small = (text) => make('small', { text });
  const pill = (word) => make('span', { class: `pill ${/^[a-z_]+$/.test(word) ? word : ''}`, text: word });
  const cell = (label, ...children) => make('td', { 'data-label': label, class: children[0] === '–' ? 'absent' : null }, ...children);
  const number = (label, value) => make('td', { 'data-label': label, class: 'number', text: count(value) });
  const count = (value) => Number(value || 0).toLocaleString('en');

  function age(seconds) {
    for (const [unit, length] of [['d', 86400], ['h', 3600], ['min', 60]]) {
      if (seconds >= length) return `${Math.floor(seconds / length)} ${unit}`;
    }
    return `${Math.max(0, Math.floor(seconds))} s`;
  }

  function since(text) {
    const at = Date.parse(text);
    return Number.isNaN(at) ? dash(text) : `${age((Date.now() - at) / 1000)} ago`;
  }

  function time(text) {
    if (!text) return document.createTextNode('–');
    return make('time', { datetime: text, title: text, text: since(text) });
  }

  function clock(text) {
    const at = new Date(text);
    return Number.isNaN(at.getTime()) ? dash(text) : at.toLocaleTimeString('en-GB');
  }

  // --- the last hour ---

  function drawn(tag, attributes) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  function spark({ accepted = [], refused = [] }) {
    const height = 24;
    const sum = (counts) => counts.reduce((total, one) => total + one, 0);
    const most = Math.max(1, ...accepted.map((one, minute) => one + (refused[minute] || 0)));
    const tall = (one) => (one === 0 ? 0 : Math.min(height, Math.max(2, Math.floor((one * height) / most))));
    let low = '';
    let high = '';
    accepted.forEach((one, minute) => {
      const above = Math.min(tall(refused[minute] || 0), height - Math.min(tall(one), 2));
      const below = Math.min(tall(one), height - above);
      if (below > 0) low += `M${minute * 2} ${height}v-${below}h1.5v${below}z`;
      if (above > 0) high += `M${minute * 2} ${height - below}v-${above}h1.5v${above}z`;
    });
    const label = `last hour: ${sum(accepted)} accepted, ${sum(refused)} refused`;
    const picture = drawn('svg', { class: 'spark', viewBox: '0 0 120 24', role: 'img', 'aria-label': label });
    picture.append(drawn('path', { class: 'base', d: `M0 ${height}h120` }), drawn('path', { class: 'accepted', d: low }), drawn('path', { class: 'refused', d: high }));
    return picture;
  }

  // --- integrations ---

  function secretLine(secret) {
    const used = secret.last_used ? `last used ${since(secret.last_used)}` : 'never used';
    return small(`${secret.id} · ${secret.state} · ${age(secret.age_seconds)} old · ${used}`);
  }

  function stateCell(entry) {
    const disabled = entry.disabled;
    const parts = [pill(entry.state)];
    if (disabled) {
      const until = disabled.until ? `, until ${clock(disabled.until)}` : '';
      const by = disabled.by === 'integration' ? '' : `by ${disabled.by}: `;
      parts.push(small(`${by}${disabled.reason || 'enabled = false'} (${disabled.answer}${until})`));
    }
    return cell('State', ...parts);
  }

  function actions(entry) {
    const own = entry.disabled && entry.disabled.by === 'integration';
    if (!canChange || (entry.disabled && !own)) return null;
    const verb = own ? 'enable' : 'disable';
    const label = own ? 'Enable' : 'Disable';
    return make('button', { type: 'button', class: 'action', 'data-name': entry.name, 'aria-label': `${label} ${entry.name}`, text: label, on: () => ask(verb, entry.name) });
  }

  function fill(row, entry) {
    const focused = row.contains(document.activeElement);
    row.className = entry.state;
    const head = make('th', { scope: 'row' }, make('b', { text: entry.name }), small(`${entry.provider} · ${entry.host || ''}${entry.path}`), small(dash(entry.owner)));
    const state = stateCell(entry);
    const action = actions(entry);
    if (action) state.append(action);
    row.replaceChildren(
      head, state, cell('Last hour', spark(entry.traffic || {})), number('Accepted', entry.accepted), number('Refused', entry.refused),
      cell('Last accepted', time(entry.last_accepted)), cell('Secrets', ...entry.secrets.map(secretLine)),
    );
    if (focused && action) action.focus();
  }

  function showIntegrations(changed) {
    const body = byId('integrations').tBodies[0];
    for (const entry of changed) {
      let row = rows.get(entry.name);
      if (!row) {
        row = make('tr');
        rows.set(entry.name, row);
      }
      fill(row, entry);
    }
    for (const [name, row] of rows) {
      if (!integrations.has(name)) {
        row.remove();
        rows.delete(name);
      }
    }
    const names = [...integrations.keys()].sort();
    names.forEach((name, place) => {
      if (body.rows[place] !== rows.get(name)) body.insertBefore(rows.get(name), body.rows[place] || null);
    });
    while (body.rows.length > names.length) body.lastElementChild.remove();
  }

  // --- what was found, and why requests were refused ---

  function found() {
    return [...integrations.values()].flatMap((entry) => (entry.findings || []).map((finding) => [entry.name, finding]));
  }

  function showFindings() {
    const all = found();
    byId('findings-section').hidden = all.length === 0;
    byId('findings').replaceChildren(...all.map(([name, finding]) => make('li', {}, make('b', { text: name }), ` ${finding.finding}: ${finding.text}`)));
  }

  function showRefusals(unrouted) {
    const all = new Map(Object.entries(unrouted));
    for (const entry of integrations.values()) {
      for (const [reason, times] of Object.entries(entry.refusals)) all.set(reason, (all.get(reason) || 0) + times);
    }
    const sorted = [...all].sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
    const most = sorted.length ? sorted[0][1] : 1;
    byId('refusals').tBodies[0].replaceChildren(...sorted.map(([reason, times]) => make('tr', {},
      make('th', { scope: 'row', text: reason }), make('td', { class: 'number', text: count(times) }),
      make('td', {}, make('meter', { max: most, value: times, 'aria-label': reason })))));
  }

  // --- everything else at a glance ---

  function showFrame(frame) {
    const readiness = byId('readiness');
    readiness.textContent = frame.readiness.status;
    readiness.className = `pill ${frame.readiness.status}`;
    byId('version').textContent = frame.version;
    const notices = frame.readiness.causes.map((cause) => make('li', { class: 'bad', text: cause }));
    frame.readiness.degraded.forEach((one) => notices.push(make('li', { class: 'warn' }, make('b', { text: one.cause }), ` ${(one.details || []).join('; ')}`)));
    if (frame.all_off !== null) notices.push(make('li', { class: 'bad' }, make('b', { text: 'all integrations are disabled' }), ` ${frame.all_off}`));
    byId('notices').replaceChildren(...notices);
    const all = [...integrations.values()];
    const hour = (kind) => all.reduce((total, entry) => total + ((entry.traffic || {})[kind] || []).reduce((sum, one) => sum + one, 0), 0);
    byId('total-accepted').textContent = count(hour('accepted'));
    byId('total-refused').textContent = count(hour('refused'));
    byId('total-inflight').textContent = count(frame.inflight);
    byId('total-integrations-count').textContent = count(all.length);
    byId('total-disabled-count').textContent = count(all.filter((entry) => entry.state === 'disabled').length);
    const of = frame.replay.capacity > 0 ? ` of ${count(frame.replay.capacity)}` : '';
    byId('total-replay').replaceChildren(count(frame.replay.entries), small(of));
    const meter = byId('replay-meter');
    if (meter) meter.value = frame.replay.entries;
    showAllActions(frame);
  }

  function showAllActions(frame) {
    const place = byId('all-actions');
    const verb = frame.all_off === null ? 'disable' : 'enable';
    const wanted = canChange ? verb : '';
    if (place.dataset.verb === wanted) return;
    place.dataset.verb = wanted;
    const label = verb === 'enable' ? 'Enable all' : 'Disable all';
    place.replaceChildren(...(canChange ? [make('button', { type: 'button', class: 'action', text: label, on: () => ask(verb, null) })] : []));
    if (!canChange) place.replaceChildren(make('small', { text: 'read only: no admin token is configured' }));
  }

  function showReplicas(frame) {
    const replicas = Array.isArray(frame.replicas) ? frame.replicas : [];
    byId('replicas-section').hidden = replicas.length === 0;
    byId('replicas').tBodies[0].replaceChildren(...replicas.map((one) => make('tr', { class: one.state },
      make('th', { scope: 'row' }, make('b', { text: one.name }), small(`${one.id}${one.is_self ? ' · this one' : ''}`)),
      cell('Version', dash(one.version)), cell('Configuration', dash(one.configuration)),
      cell('Last heard', pill(one.state), small(`${age(one.heard_ms / 1000)} ago`)),
      cell('Disabled', (one.off || []).length ? one.off.join(', ') : '–'))));
  }

  // --- decisions ---

  function filters() {
    const form = byId('filters');
    const select = (id, label, values) => make('label', { text: label }, make('select', { id }, ...values.map((value) => make('option', { value, text: value || 'all' }))));
    form.append(
      select('filter-integration', 'Integration', ['']),
      select('filter-decision', 'Decision', ['', 'accepted', 'refused']),
      select('filter-reason', 'Reason', ['']),
      make('label', { text: 'Contains' }, make('input', { id: 'filter-text', type: 'search', autocomplete: 'off', placeholder: 'event, delivery, source, path' })),
      make('span', { id: 'filter-count', role: 'status' }),
    );
    form.hidden = false;
    form.addEventListener('input', showDecisions);
    form.addEventListener('submit', (event) => event.preventDefault());
  }

  function offer(id, values) {
    const select = byId(id);
    const known = new Set([...select.options].map((option) => option.value));
    [...new Set(values)].filter((value) => value && !known.has(value)).sort()
      .forEach((value) => select.append(make('option', { value, text: value })));
  }

  function passes(one) {
    const exact = [['filter-integration', one.integration], ['filter-decision', one.decision], ['filter-reason', one.reason]];
    if (exact.some(([id, value]) => byId(id).value && byId(id).value !== value)) return false;
    const text = byId('filter-text').value.toLowerCase();
    const fields = [one.event, one.delivery_id, one.source, one.path, one.request_id, one.secret_id, one.reason];
    return !text || fields.some((field) => field && field.toLowerCase().includes(text));
  }

  function decisionRow(one) {
    const answer = [one.reason, one.status, one.count > 1 ? `× ${count(one.count)}` : null].filter(Boolean).join(' ');
    const when = make('time', { datetime: one.ts, title: one.ts, text: clock(one.ts) });
    return make('tr', { class: one.decision },
      cell('Time', when), cell('Integration', dash(one.integration)), cell('Decision', pill(one.decision), small(answer)),
      cell('Event', dash(one.event)), cell('Delivery', dash(one.delivery_id)), cell('Source', dash(one.source)), cell('Path', dash(one.path)));
  }

  function showDecisions() {
    const shown = decisions.filter(passes);
    byId('decisions').tBodies[0].replaceChildren(...shown.map(decisionRow).reverse());
    byId('filter-count').textContent = `${shown.length} of ${decisions.length}`;
  }

  function noteDecisions(news) {
    if (news.length === 0) return;
    const last = decisions.length ? decisions[decisions.length - 1].number : 0;
    // A process that began anew numbers anew.
    const known = news[news.length - 1].number < last ? [] : decisions;
    const behind = known.length ? last : 0;
    decisions = known.concat(news.filter((one) => one.number > behind)).slice(-DECISIONS_MAX);
    offer('filter-integration', decisions.map((one) => one.integration));
    offer('filter-reason', decisions.map((one) => one.reason));
    showDecisions();
  }

  // --- switches ---

  function ask(verb, name) {
    pending = { verb, name };
    const what = name === null ? 'all integrations' : name;
    byId('switch-title').textContent = `${verb === 'disable' ? 'Disable' : 'Enable'} ${what}`;
    byId('switch-go').textContent = verb === 'disable' ? 'Disable' : 'Enable';
    byId('switch-go').className = verb === 'disable' ? 'primary danger' : 'primary';
    byId('switch-terms').hidden = verb !== 'disable';
    byId('switch-form').reset();
    byId('switch-token').required = token === '';
    byId('switch-token').placeholder = token === '' ? '' : 'as before';
    byId('switch-error').textContent = '';
    byId('switch').showModal();
    byId('switch-reason').focus();
  }

  function order() {
    const body = { reason: byId('switch-reason').value };
    if (pending.verb === 'disable') {
      if (byId('switch-for').value) body.for = byId('switch-for').value;
      if (byId('switch-answer').value) body.answer = Number(byId('switch-answer').value);
    }
    return JSON.stringify(body);
  }

  async function send(event) {
    event.preventDefault();
    const error = byId('switch-error');
    const given = byId('switch-token').value || token;
    const name = pending.name === null ? '-' : encodeURIComponent(pending.name);
    error.textContent = '';
    byId('switch-go').disabled = true;
    try {
      const answer = await fetch(`/api/v1/integrations/${name}/${pending.verb}`, {
        method: 'POST', body: order(), credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer',
        headers: { Authorization: `Bearer ${given}`, 'Content-Type': 'application/json' },
      });
      if (answer.ok) {
        token = given;
        byId('switch').close();
        return;
      }
      if (answer.status === 401) token = '';
      error.textContent = answer.status === 401 ? 'The gateway does not take this token.' : `${answer.status}: ${await said(answer)}`;
    } catch (failure) {
      error.textContent = `The gateway did not answer: ${failure.message}`;
    } finally {
      byId('switch-go').disabled = false;
      byId('switch-token').value = '';
      byId('switch-token').required = token === '';
    }
  }

  async function said(answer) {
    const text = await answer.text();
    try {
      return JSON.parse(text).error || text;
    } catch {
      return text.trim();
    }
  }

  // --- the stream ---

  function onState(event) {
    const state = JSON.parse(event.data);
    heard = Date.now();
    if (state.whole) integrations.clear();
    state.removed.forEach((name) => integrations.delete(name));
    state.integrations.forEach((entry) => integrations.set(entry.name, entry));
    const could = canChange;
    canChange = state.frame.can_change;
    showIntegrations(could === canChange ? state.integrations : [...integrations.values()]);
    offer('filter-integration', [...integrations.keys()]);
    showFrame(state.frame);
    showReplicas(state.frame);
    if (state.integrations.length || state.removed.length || state.whole) showFindings();
    showRefusals(state.frame.unrouted);
    showLive();
  }

  function showLive() {
    const live = byId('live');
    const is = Date.now() - heard < SEEN_LATE_MS;
    live.hidden = false;
    live.textContent = is ? 'live' : 'not connected';
    live.className = is ? 'live' : 'live lost';
  }

  function retell() {
    showLive();
    document.querySelectorAll('#integrations time').forEach((element) => { element.textContent = since(element.dateTime); });
  }

  filters();
  byId('switch-form').addEventListener('submit', send);
  byId('switch-cancel').addEventListener('click', () => byId('switch').close());
  byId('switch').addEventListener('close', () => { byId('switch-token').value = ''; });
  byId('integrations').tBodies[0].replaceChildren();
  const events = new EventSource('/api/v1/events');
  events.addEventListener('state', onState);
  events.addEventListener('decisions', (event) => noteDecisions(JSON.parse(event.data)));
  events.addEventListener('error', showLive);
  setInterval(retell, 2000);
})();
