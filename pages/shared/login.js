// The form of who is not signed in; for who runs this on the own machine also a short way into the demo.
import { element, language } from '/shared/page.js';

const texts = {
  fr: { signin: 'Se connecter', email: 'E-mail', password: 'Mot de passe', demo: 'Entrer avec le compte de démonstration', docs: 'Documentation de l’API' },
  en: { signin: 'Sign in', email: 'E-mail', password: 'Password', demo: 'Enter with the demo account', docs: 'API documentation' },
};
const DEMO = { email: 'demo@socle.test', password: 'socle-demo' };
const onLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);

export function loginForm(signIn) {
  const t = texts[language()];
  const field = (name, type, autocomplete) => element('label', [element('span', t[name]), element('input', null, { name, type, autocomplete, required: true })]);
  const said = element('p', null, { className: 'error', role: 'alert' });
  const enter = async (credentials) => {
    said.textContent = '';
    try { await signIn(credentials); } catch (problem) { said.textContent = problem.message; }
  };
  const form = element('form', [element('h2', t.signin), field('email', 'email', 'username'),
    field('password', 'password', 'current-password'), said, element('button', t.signin, { className: 'main' }),
    onLoopback ? element('button', t.demo, { type: 'button', id: 'demo', onclick: () => enter(DEMO) }) : null,
    element('p', element('a', t.docs, { href: '/docs' }))]);
  form.onsubmit = (event) => {
    event.preventDefault();
    enter({ email: form.email.value, password: form.password.value });
  };
  return form;
}
