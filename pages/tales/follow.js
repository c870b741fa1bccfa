// A story's events, each once, over broken connections and restarts of the server, until it ends or is left. begin:
// {id} of a story that is being written, or {body} to have one written. tell(event) each; away(yes): the
// connection is gone, and is tried again. It throws what the server refuses.
const FIRST_WAIT_MS = 300, LONGEST_WAIT_MS = 8000;
const ENDS = ['complete', 'error'];

function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done() {
      clearTimeout(timer);
      removeEventListener('online', done);
      signal.removeEventListener('abort', done);
      resolve();
    }
    addEventListener('online', done);
    signal.addEventListener('abort', done);
  });
}

export async function follow(api, begin, { tell, away, signal }) {
  let { id } = begin, last = null, wait = FIRST_WAIT_MS, isOpen = false, hasEnded = false;
  const each = (event) => {
    id ??= event.data.storyId;
    last = event.id ?? last;
    hasEnded ||= ENDS.includes(event.type);
    tell(event);
  };
  const opened = () => {
    isOpen = true;
    wait = FIRST_WAIT_MS;
    away(false);
  };
  while (!hasEnded && !signal.aborted) {
    try {
      if (id) await api.events(`/stories/${id}/events`, { last, tell: each, signal, opened });
      else await api.events('/stories/generate', { method: 'POST', body: begin.body, tell: each, signal, opened });
    } catch (problem) {
      if (signal.aborted) return;
      const isPassing = problem.status === 0 || problem.status === 429 || problem.status >= 502;
      if (!isPassing || !(isOpen || id)) throw problem; // asking for it was refused: nothing is being written
      if (problem.status === 429) wait = Math.max(wait, 1000 * problem.wait);
    }
    if (hasEnded || signal.aborted) return;
    away(true);
    await pause(wait, signal);
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }
}
