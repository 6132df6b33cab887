/** What a browser shows. `{backend}` stands for the id of the backend that answers. */
export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Fairlead demo</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }
  pre { background: #8882; padding: .5rem; min-height: 1.5rem; white-space: pre-wrap }
</style>
<h1>Fairlead demo</h1>
<p>This page came from <b>{backend}</b>. <a href="/">Load it again</a>: site1 has twice the weight of site2.</p>
<h2>The other route</h2>
<p><a href="/api/orders?id=7">/api/orders?id=7</a> goes to api1, which shows the request as it arrived.</p>
<h2>WebSocket</h2>
<form id="form"><input id="text" value="hello" aria-label="message"> <button>Send</button></form>
<pre id="echo"></pre>
<h2>Server-sent events</h2>
<button id="start">Start</button>
<pre id="events"></pre>
<script>
  const show = (id, text) => { document.getElementById(id).textContent += text + "\\n" };
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/echo");
  socket.onmessage = ({ data }) => show("echo", data);
  socket.onclose = () => show("echo", "closed");
  document.getElementById("form").onsubmit = (event) => {
    event.preventDefault();
    socket.send(document.getElementById("text").value);
  };
  document.getElementById("start").onclick = () => {
    const source = new EventSource("/events");
    source.onmessage = ({ data }) => show("events", data);
    source.onerror = () => source.close();
  };
</script>
</html>
`;
