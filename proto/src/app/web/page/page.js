// The page: pictures as they come, how old they are, and the figures beside them.
//
// A picture's age is counted from its capture by the server's clock, which the page learns as receivers learn the
// sender's: from exchanges, each of which bounds it to half a round trip. So it goes on counting whatever stalls: the
// source, the network, or the connection to the server.
"use strict";

const POLL_EVERY = 500; // ms
const POLL_TIMEOUT = 3000;
const RETRY_AFTER = 1000;
const HISTORY = 30_000; // of the plots
const GONE_AFTER = 1000; // a picture older than that, or than three frame times, is marked as no longer live
const STUCK_AFTER = 6; // polls
const DRIFT = 100; // ms by which two clocks may differ that are one
const SLACK = 50; // what showing a picture may take before its age is called late

const $ = (selector, within = document) => within.querySelector(selector);
const tiles = [];
let link = { heard: -Infinity, error: "" };
let stream = null; // the AbortController of the running stream
let pollTimer = 0;
let stuck = 0; // polls in a row in which the stream was behind

/* ---- the server's clock ---- */

const clock = {
  samples: [],
  /** Whether it turns out to be another clock than before: the server's computer was started anew, or is another one. */
  add(sent, received, serverNow) {
    const sample = { at: received, offset: serverNow - (sent + received) / 2, error: (received - sent) / 2 };
    const isAnother = Math.abs(sample.offset - this.best?.offset) > sample.error + this.best?.error + DRIFT;
    this.samples = this.samples.filter((old) => !isAnother && received - old.at < HISTORY);
    this.samples.push(sample);
    this.best = this.samples.reduce((a, b) => (b.error < a.error ? b : a));
    return isAnother;
  },
  now() { return this.best ? performance.now() + this.best.offset : NaN; },
};

/* ---- what the server says twice a second ---- */

async function poll() {
  const sent = performance.now();
  try {
    const answer = await fetch("/live.json", { cache: "no-store", signal: AbortSignal.timeout(POLL_TIMEOUT) });
    // The key is asked for, as by a program that was started anew: the form is in this page's place.
    if (answer.status === 401) return location.reload();
    if (!answer.ok) throw new Error(await answer.text());
    const live = await answer.json();
    const received = performance.now();
    // What was shown before has no age by another clock.
    if (clock.add(sent, received, live.now_ms)) for (const tile of tiles) tile.shown = null;
    link = { heard: received, error: "" };
    take(live, received);
  } catch (error) {
    link.error = String(error.message || error);
  }
  if (!document.hidden) pollTimer = setTimeout(poll, Math.max(0, POLL_EVERY - (performance.now() - sent)));
}

function take(live, at) {
  $("#program").textContent = live.program;
  $("#nobody").hidden = live.feeds.length > 0;
  const isNew = live.feeds.length !== tiles.length;
  while (tiles.length > live.feeds.length) tiles.pop().root.remove();
  while (tiles.length < live.feeds.length) tiles.push(new Tile(tiles.length));
  $("#tiles").dataset.count = tiles.length;
  live.feeds.forEach((feed, number) => tiles[number].take(feed, live, at));
  document.title = tiles.length === 1 ? `${tiles[0].name} - Chunkcast` : "Chunkcast";
  // A stream that brings nothing of a sender of which the server has newer pictures is not the one that we asked for.
  stuck = tiles.some((tile) => tile.isBehind()) ? stuck + 1 : 0;
  if (isNew || stuck > STUCK_AFTER) {
    stuck = 0;
    restart();
  }
}

/* ---- pictures: one connection for all senders, since a browser allows six to a host ---- */

async function watch() {
  const own = (stream = new AbortController());
  try {
    const answer = await fetch("/stream.mjpeg?sender=all", { cache: "no-store", signal: own.signal });
    if (!answer.ok) throw new Error((await answer.text()).trim());
    say("");
    await readParts(answer.body.getReader());
    throw new Error("the stream has ended");
  } catch (error) {
    if (own.signal.aborted) return;
    say(String(error.message || error));
  }
  setTimeout(() => { if (stream === own && !document.hidden) watch(); }, RETRY_AFTER);
}

/** Takes multipart/x-mixed-replace apart; every part says its length. */
async function readParts(reader) {
  const decoder = new TextDecoder("latin1");
  let head = "", body = null, filled = 0, meta = null;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    for (let at = 0; at < value.length;) {
      if (body) {
        const piece = value.subarray(at, at + body.length - filled);
        body.set(piece, filled);
        filled += piece.length;
        at += piece.length;
        if (filled === body.length) {
          tiles[meta.sender]?.picture(body, meta);
          body = null;
        }
        continue;
      }
      const before = head.length;
      head += decoder.decode(value.subarray(at));
      const end = head.indexOf("\r\n\r\n", Math.max(0, before - 3));
      if (end < 0) break;
      at += end + 4 - before;
      const field = (name) => Number(new RegExp(`^${name}: (.*)$`, "mi").exec(head.slice(0, end))?.[1]);
      meta = {
        sender: field("X-Chunkcast-Sender"), frame: field("X-Chunkcast-Frame"),
        captured: field("X-Chunkcast-Captured-Ms"),
      };
      body = new Uint8Array(field("Content-Length"));
      filled = 0;
      head = "";
    }
  }
}

function say(trouble) { link.stream = trouble; }

function restart() {
  stream?.abort();
  watch();
}

/* ---- one sender ---- */

class Tile {
  constructor(number) {
    this.number = number;
    this.name = "";
    this.history = [];
    this.root = $("#tile").content.firstElementChild.cloneNode(true);
    this.frame = $(".frame", this.root);
    this.context = this.frame.getContext("2d", { alpha: false });
    for (const a of this.root.querySelectorAll("[data-link]")) a.href = `${a.dataset.link}?sender=${number}`;
    for (const button of this.root.querySelectorAll("button")) {
      button.addEventListener("click", () => this.act(button.dataset.action));
    }
    const picture = $(".picture", this.root);
    picture.addEventListener("click", () => toggle(this));
    picture.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(this); }
    });
    $("#tiles").append(this.root);
  }

  /** A picture that has come: shown if it is the newest when the one before is decoded. */
  async picture(bytes, meta) {
    this.pending = { bytes, meta };
    if (this.decoding) return;
    this.decoding = true;
    while (this.pending) {
      const { bytes, meta } = this.pending;
      this.pending = null;
      try {
        const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
        if (this.frame.width !== bitmap.width || this.frame.height !== bitmap.height) {
          [this.frame.width, this.frame.height] = [bitmap.width, bitmap.height];
        }
        this.context.drawImage(bitmap, 0, 0);
        bitmap.close();
        this.shown = meta;
        this.broken = "";
        this.root.dataset.frame = meta.frame;
      } catch {
        this.broken = "this browser does not decode such JPEGs";
      }
    }
    this.decoding = false;
  }

  take(feed, live, at) {
    this.feed = feed;
    this.name = feed.name || `sender ${this.number}`;
    $("h2", this.root).textContent = this.name;
    for (const button of this.root.querySelectorAll("button")) {
      button.hidden = !live.actions.includes(button.dataset.action);
    }
    if (live.time !== this.time) {
      this.time = live.time;
      this.made = at;
      const said = figures(live.program, feed.figures);
      this.history = this.history.filter((old) => at - old.at < HISTORY + 2000);
      this.history.push({ at, delay: said.delay, loss: said.loss });
      this.write(said);
    }
  }

  write({ rows, delayLabel, lossLabel }) {
    $(".figures", this.root).replaceChildren(...rows.map(([name, value, note, style]) => {
      const row = document.createElement("div"), dt = document.createElement("dt"), dd = document.createElement("dd");
      dt.textContent = name;
      dd.textContent = value;
      if (note) { const small = document.createElement("small"); small.textContent = ` ${note}`; dd.append(small); }
      if (style) row.className = style;
      row.append(dt, dd);
      return row;
    }));
    const [delay, loss] = this.root.querySelectorAll("figcaption");
    [delay.textContent, loss.textContent] = [delayLabel, lossLabel];
  }

  /** Whether the server has a picture of now, and we none that is nearly as new. */
  isBehind() {
    const { trouble, captured_ms: newest } = this.feed;
    return !trouble && newest != null && !this.broken && !(newest - this.shown?.captured < 2 * GONE_AFTER);
  }

  /** What is true now, many times a second: nothing here waits for anything to come. */
  tick(now) {
    const age = this.shown ? Math.max(0, clock.now() - this.shown.captured) : NaN;
    const three = 3 * (this.feed?.interval_ms || 0);
    const silent = now - link.heard;
    let state = "live", head = "", why = "";
    if (silent > GONE_AFTER + POLL_EVERY && !(age < GONE_AFTER)) {
      [state, head, why] = ["gone", "No connection", `nothing from this page's server for ${spoken(silent)}`];
    } else if (this.feed?.trouble) {
      [state, head, why] = [this.shown ? "gone" : "waiting", "No signal", this.feed.trouble];
    } else if (!this.shown) {
      [state, head, why] = ["waiting", "Waiting", this.broken || link.stream || "for the first picture"];
    } else if (age > Math.max(GONE_AFTER, three)) {
      [state, head, why] = ["gone", "Stalled", this.broken || link.stream || `this picture is ${spoken(age)} old`];
    } else if (three && age > three + SLACK) {
      state = "late";
    }
    this.root.dataset.state = state;
    text($(".state", this.root), { gone: "not live", waiting: "waiting", late: "late", live: "live" }[state]);
    text($(".veil strong", this.root), head);
    text($(".veil span", this.root), why);
    text($(".age", this.root), Number.isNaN(age) ? "" : spoken(age) + (this.feed?.is_relative ? " rel." : ""));
    // Figures of long ago look like it.
    this.root.toggleAttribute("data-old", state === "gone" || !(now - this.made < 5000));
    plot($("[data-plot=delay]", this.root), this.history, now, (point) => point.delay, 1);
    plot($("[data-plot=loss]", this.root), this.history, now, (point) => [point.loss], 1);
  }

  async act(action) {
    const button = $(`[data-action=${action}]`, this.root), result = $(".result", this.root);
    if (button.hidden || button.disabled) return;
    button.disabled = true;
    result.className = "result";
    result.textContent = "\u2026";
    try {
      const ask = () => fetch(`/${action}?sender=${this.number}`, { method: "POST" });
      let answer = await ask();
      // One a second is done: whoever presses twice is served in turn.
      for (let more = 4; answer.status === 429 && more > 0; more--) {
        const seconds = Number(answer.headers.get("Retry-After")) || 1;
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
        answer = await ask();
      }
      result.textContent = (await answer.text()).trim();
      result.classList.toggle("bad", !answer.ok);
    } catch (error) {
      result.textContent = `not done: ${error.message || error}`;
      result.classList.add("bad");
    }
    button.disabled = false;
  }
}

/* ---- figures ---- */

function figures(program, of) {
  return program === "sender" ? senderFigures(of) : receiverFigures(of);
}

function receiverFigures(of) {
  const ms = of.ms ?? {};
  // Without a window nothing is shown here, and the way ends with the last datagram.
  const shown = ms.latency?.p50 != null, delay = (shown ? ms.latency : ms.transit) ?? {};
  const error = of.clock_error_ms + (of.capture_error_ms ?? 0);
  const bar = of.clock === "relative" ? "relative" : of.clock_error_ms != null ? `\u00b1 ${error.toFixed(2)}` : "";
  const repaired = (of.repair?.by_parity ?? 0) + (of.repair?.by_resend ?? 0);
  const lost = (of.frames?.lost ?? 0) + (of.frames?.unseen ?? 0);
  return {
    delay: [delay.p50, delay.p99],
    loss: of.loss_percent,
    delayLabel: `${shown ? "latency to the window" : "from capture to arrival"}, ms: p50, p99`,
    lossLabel: "pictures lost, %",
    rows: [
      ["pictures", fixed(of.fps, 1), "a second"],
      ["rate", fixed(of.mbps, 1), "Mbit/s"],
      [shown ? "latency p50 / p99" : "transit p50 / p99", `${fixed(delay.p50, 1)} / ${fixed(delay.p99, 1)}`, `ms ${bar}`],
      ["lost", fixed(of.loss_percent, 1), `% now, ${lost} in all`, of.loss_percent > 0 && "bad"],
      ["repaired", repaired, `${of.repair?.by_parity ?? 0} by parity, ${of.repair?.by_resend ?? 0} by resend`],
      ["from", of.source ?? "-", ""],
      dropped({
        late: of.lost?.deadline, overtaken: of.lost?.superseded, evicted: of.lost?.evicted, damaged: of.lost?.damaged,
        "never seen": of.frames?.unseen, "not shown": of.frames?.superseded, "not decoded": of.frames?.refused,
        "datagrams without room": of.datagrams?.kernel_dropped,
        "not written": (of.outputs ?? []).reduce((sum, output) => sum + output.dropped, 0),
      }),
      ...(of.diagnosis ? [["what is wrong", of.diagnosis, "", "wide bad"]] : []),
    ],
  };
}

function senderFigures(of) {
  const ms = of.ms ?? {}, viewers = (of.destinations ?? []).flatMap((to) => to.viewers);
  const sum = (of) => ["encode", "queue", "send"].reduce((sum, stage) => sum + (ms[stage]?.[of] ?? 0), 0);
  const worst = viewers.length ? Math.max(...viewers.map((viewer) => viewer.loss_percent)) : null;
  const pair = (stage) => `${fixed(ms[stage]?.p50, 1)} / ${fixed(ms[stage]?.p99, 1)}`;
  return {
    delay: ms.send?.p50 != null ? [sum("p50"), sum("p99")] : [],
    loss: worst,
    delayLabel: "from picture to last datagram, ms: p50, p99",
    lossLabel: "the worst viewer's loss, %",
    rows: [
      ["pictures", fixed(of.fps, 1), "a second"],
      ["rate", fixed(of.mbps, 1), "Mbit/s"],
      ["encode p50 / p99", pair("encode"), "ms"],
      ["queue p50 / p99", pair("queue"), "ms"],
      ["send p50 / p99", pair("send"), "ms"],
      ["quality", of.quality ?? "-", of.quality == null ? "as it came" : ""],
      ["pace", of.pace?.rate_mbps == null ? "at once" : fixed(of.pace.rate_mbps, 0), of.pace?.rate_mbps == null ? "" : "Mbit/s"],
      ["viewers", viewers.length, worst == null ? "" : `worst loss ${fixed(worst, 1)} %`, worst > 1 && "bad"],
      dropped({
        superseded: of.frames?.superseded, thinned: of.frames?.thinned, refused: of.frames?.refused,
        "send errors": of.errors?.send, "source errors": of.errors?.capture,
      }),
      ...(of.diagnosis ? [["what is wrong", of.diagnosis, "", "wide bad"]] : []),
    ],
  };
}

function dropped(causes) {
  const said = Object.entries(causes).filter(([, count]) => count > 0).map(([cause, count]) => `${cause} ${count}`);
  return ["dropped", said.join(", ") || "nothing", "", said.length ? "wide bad" : ""];
}

const fixed = (value, digits) => (value == null ? "-" : value.toFixed(digits));

function spoken(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = ms / 1000;
  if (s < 60) return `${s.toFixed(1)} s`;
  return s < 3600 ? `${Math.floor(s / 60)} min ${Math.floor(s % 60)} s` : `${Math.floor(s / 3600)} h ${Math.floor(s / 60 % 60)} min`;
}

function text(element, value) { if (element.textContent !== value) element.textContent = value; }

/* ---- plots of the last half minute ---- */

function plot(canvas, history, now, values, least) {
  const scale = devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width) return;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  const context = canvas.getContext("2d");
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  const seen = history.filter((point) => now - point.at < HISTORY + 2000);
  const top = nice(Math.max(least, ...seen.flatMap(values).filter((value) => value != null)));
  const x = (at) => width - (now - at) / HISTORY * width, y = (value) => height - 2 - value / top * (height - 16);
  const lines = Math.max(0, ...seen.map((point) => values(point).length));
  context.strokeStyle = "#2a323d";
  context.beginPath();
  context.moveTo(0, y(top));
  context.lineTo(width, y(top));
  context.stroke();
  for (let line = lines - 1; line >= 0; line--) {
    context.strokeStyle = line === 0 ? "#6db3f2" : "#e8b04b";
    context.lineWidth = line === 0 ? 2 : 1;
    context.beginPath();
    let before = null;
    for (const point of seen) {
      const value = values(point)[line];
      // Where nothing was measured, there is no line.
      if (value != null) context[before === null ? "moveTo" : "lineTo"](x(point.at), y(value));
      before = value ?? null;
    }
    context.stroke();
  }
  context.fillStyle = "#98a4b3";
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "bottom";
  context.fillText(String(top), 2, y(top) + 12);
}

/** The next of 1, 2, 5, 10, 20, ... */
function nice(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= value * 0.999);
}

/* ---- one tile alone, and keys ---- */

function toggle(tile) {
  const alone = !tile.root.classList.contains("full");
  for (const other of tiles) other.root.classList.toggle("full", alone && other === tile);
  $("#tiles").classList.toggle("one", alone && tiles.length > 1);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // One that is looked at, or all that are shown, as in the receiver's window.
  const chosen = tiles.find((tile) => tile.root.contains(document.activeElement))
    ?? tiles.find((tile) => tile.root.classList.contains("full"));
  const act = (action) => { for (const tile of chosen ? [chosen] : tiles) tile.act(action); };
  if (event.key >= "1" && event.key <= "9" && tiles[event.key - 1]) toggle(tiles[event.key - 1]);
  else if (event.key === "s") act("snapshot");
  else if (event.key === "p") act("past");
  else if (event.key === "f") document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
});

/* ---- only while somebody looks ---- */

function tick() {
  const now = performance.now(), silent = now - link.heard;
  const isUp = silent < GONE_AFTER + POLL_EVERY;
  document.body.dataset.link = isUp ? "up" : Number.isFinite(silent) ? "down" : "connecting";
  text($("#link"), isUp ? link.stream || "connected" : Number.isFinite(silent) ? `no connection for ${spoken(silent)}` : "connecting");
  for (const tile of tiles) tile.tick(now);
}

function look() {
  clearTimeout(pollTimer);
  if (document.hidden) {
    stream?.abort();
  } else {
    poll();
    if (tiles.length) restart();
  }
}

document.addEventListener("visibilitychange", look);
setInterval(tick, 50);
look();
