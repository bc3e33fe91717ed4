/**
 * The page's own script for tables: column heads of sortable tables become buttons (a press sorts, another turns the
 * order; values that are missing stay last), and the filter hides the rows of strategies that do not match.
 * Without scripts tables stay as they are, and there is no filter.
 */
export const tableScript = `
(() => {
  'use strict';
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    const {sort} = cell.dataset;
    if (sort === undefined) return cell.textContent.trim().toLowerCase();
    return sort === '' ? null : Number(sort);
  };
  const compare = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : a < b ? -1 : a > b ? 1 : 0);
  const sortBy = (table, head, column) => {
    const now = head.getAttribute('aria-sort');
    const first = head.classList.contains('number') ? 'descending' : 'ascending';
    const order = now === null ? first : now === 'ascending' ? 'descending' : 'ascending';
    for (const other of table.tHead.rows[0].cells) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', order);
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => ({row, value: valueOf(row, column)}));
    const sign = order === 'ascending' ? 1 : -1;
    keyed.sort((a, b) =>
      a.value === null || b.value === null
        ? Number(a.value === null) - Number(b.value === null)
        : sign * compare(a.value, b.value));
    body.append(...keyed.map(({row}) => row));
  };
  for (const table of document.querySelectorAll('table.sortable')) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      if (head.classList.contains('strip')) return;
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...head.childNodes);
      button.addEventListener('click', () => sortBy(table, head, column));
      head.append(button);
    });
  }

  const filter = document.getElementById('strategy-filter');
  const field = filter && filter.querySelector('input');
  if (!field) return;
  filter.hidden = false;
  const status = filter.querySelector('[role=status]');
  const rows = [...document.querySelectorAll('tr[data-strategy]')];
  const names = new Set(rows.map((row) => row.dataset.strategy));
  field.addEventListener('input', () => {
    const text = field.value.trim().toLowerCase();
    const shown = new Set([...names].filter((name) => name.toLowerCase().includes(text)));
    for (const row of rows) row.hidden = !shown.has(row.dataset.strategy);
    status.textContent = text === '' ? '' : shown.size + ' of ' + names.size + ' strategies in the tables';
  });
})();
`.trim();
