// Events of a debate as they happen. The connection is made again whenever it is lost, later each time;
// `again` is called when it stands once more: what was missed meanwhile is asked for there.
export function follow(id, { on, again }) {
  let wait = 1000, socket = null, stood = false;
  const connect = () => {
    socket = new WebSocket(`${location.origin.replace(/^http/, 'ws')}/ws?client_id=${crypto.randomUUID?.() ?? Date.now()}`);
    socket.onopen = () => {
      wait = 1000;
      for (const channel of [`debate:${id}`, 'extractions']) socket.send(JSON.stringify({ type: 'subscribe', channel }));
      if (stood) again();
      stood = true;
    };
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.data?.debate_id === id) on(message.type, message.data);
    };
    socket.onclose = () => {
      setTimeout(connect, wait + Math.random() * 500);
      wait = Math.min(wait * 2, 60000);
    };
  };
  setInterval(() => { if (socket.readyState === 1) socket.send('{"type":"ping"}'); }, 120000);
  connect();
}
