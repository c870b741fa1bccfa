// The hemicycle, seat by seat from left to right, coloured in parts: [[class, how many], …].
const NS = 'http://www.w3.org/2000/svg';

function seats(count, rows) {
  const radii = Array.from({ length: rows }, (_, row) => 0.42 + (0.58 * row) / (rows - 1 || 1)), whole = radii.reduce((a, b) => a + b);
  const places = radii.flatMap((r) => {
    const n = Math.max(2, Math.round((count * r) / whole));
    return Array.from({ length: n }, (_, i) => ({ r, angle: Math.PI * (1 - i / (n - 1)) }));
  });
  return places.sort((a, b) => b.angle - a.angle || a.r - b.r).map(({ r, angle }) => [r * Math.cos(angle), -r * Math.sin(angle), angle]);
}

export function hemicycle(parts, count = 120, rows = 5) {
  const svg = document.createElementNS(NS, 'svg'), places = seats(count, rows);
  const total = parts.reduce((sum, [, n]) => sum + n, 0) || 1;
  svg.setAttribute('viewBox', '-1.06 -1.06 2.12 1.12');
  svg.setAttribute('class', 'hemicycle');
  svg.setAttribute('aria-hidden', 'true');
  places.forEach(([x, y, angle], i) => {
    const seat = document.createElementNS(NS, 'circle');
    let left = ((i + 0.5) / places.length) * total;
    const part = parts.find(([, n]) => (left -= n) < 0) ?? parts.at(-1);
    seat.setAttribute('cx', x.toFixed(3));
    seat.setAttribute('cy', y.toFixed(3));
    seat.setAttribute('r', (0.36 / rows / 1.9).toFixed(3));
    seat.setAttribute('class', part[0]);
    seat.style.setProperty('--at', (1 - angle / Math.PI).toFixed(3));
    seat.style.setProperty('--row', Math.hypot(x, y).toFixed(2));
    svg.append(seat);
  });
  return svg;
}
