// The dialog that saves a search in a project. Loaded when somebody asks.
import { call, element, language, t as shared } from '/shared/page.js';

const texts = {
  fr: {
    saveHint: 'Les nouveaux posts qu’elle trouve deviendront des signaux du projet.', project: 'Projet', name: 'Nom',
    watched: 'Surveillé', noDates: 'Les dates n’en font pas partie.', store: 'Enregistrer', cancel: 'Annuler',
    needsWords: 'Il faut des mots à surveiller.',
  },
  en: {
    saveHint: 'New posts that it finds become signals of the project.', project: 'Project', name: 'Name', watched: 'Watched',
    noDates: 'Dates are not part of it.', store: 'Save', cancel: 'Cancel', needsWords: 'There must be words to watch for.',
  },
};

export function showSave(dialog, projects, asked, filter, done) {
  const q = asked.q.trim(), t = (key) => texts[language()][key] ?? shared(key);
  const select = element('select', projects.map((p) => element('option', p.name, { value: p.id })));
  const name = element('input', null, { name: 'name', required: true, maxLength: 200, value: q.slice(0, 200) });
  const said = element('p', q ? '' : t('needsWords'), { className: 'error', role: 'alert' });
  const form = element('form', [element('h2', t('save'), { id: 'save-title' }), element('p', t('saveHint')),
    element('label', [element('span', t('project')), select]), element('label', [element('span', t('name')), name]),
    element('p', [`${t('watched')} : `, element('code', [q, filter].filter(Boolean).join(' · ')), asked.from || asked.to ? ` ${t('noDates')}` : '']), said,
    element('p', [element('button', t('cancel'), { type: 'button', onclick: () => dialog.close() }),
      element('button', t('store'), { className: 'main', disabled: !q })], { className: 'choices' })]);
  form.onsubmit = async (event) => {
    event.preventDefault();
    try {
      await call(`/projects/${select.value}/searches`, { method: 'POST', body: JSON.stringify({ name: name.value, q, filter: filter || null }) });
      dialog.close();
      done(select.selectedOptions[0].textContent);
    } catch (problem) { said.textContent = problem.message; }
  };
  dialog.replaceChildren(form);
  dialog.showModal();
}
