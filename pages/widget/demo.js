// The demo page: the widget as a site embeds it, with the channel that the server has named.
import { $, language } from '/shared/page.js';

const channel = $('meta[name=channel]').content;
const line = `<script src="${location.origin}/widget.js" data-channel="${channel || '…'}" async></script>`;
let shown = language();

function draw() {
  document.documentElement.lang = shown;
  for (const main of document.querySelectorAll('main')) main.hidden = main.dataset.language !== shown;
  $('#language').textContent = shown === 'fr' ? 'English' : 'Français';
  $('#language').lang = shown === 'fr' ? 'en' : 'fr';
}

for (const e of document.querySelectorAll('.embed')) e.textContent = line;
for (const e of document.querySelectorAll('.origin')) e.textContent = location.origin;
for (const e of document.querySelectorAll('.shows')) e.hidden = !channel;
for (const e of document.querySelectorAll('.lacks')) e.hidden = Boolean(channel);
$('#language').addEventListener('click', () => {
  shown = shown === 'fr' ? 'en' : 'fr';
  localStorage.language = shown;
  draw();
});
draw();
if (channel) {
  const script = document.createElement('script');
  script.src = '/widget.js';
  script.dataset.channel = channel;
  script.dataset.language = shown;
  document.head.append(script);
}
