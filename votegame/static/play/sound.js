/*
 * Sounds of the big screen, made by the browser itself. Browsers let a page sound only when somebody has touched it: so it
 * begins mute, and says so.
 */

import { app } from "./app.js";
import { h } from "./dom.js";
import { t } from "./words.js";

// Frequencies in Hz, played one after another.
const TUNES = {
  joined: [523, 659],
  answering: [392, 523, 659],
  voting: [659, 523, 659],
  results: [523, 659, 784],
  finished: [523, 659, 784, 1047, 784, 1047],
  tick: [880],
};
const NOTE_SECONDS = 0.14;
const LOUDNESS = 0.15;

let context = null;

const sounds = () => context?.state === "running";

/** Play this tune, if the screen may sound. */
export function play(tune) {
  if (!sounds() || !app.isScreen) return;
  TUNES[tune]?.forEach((frequency, place) => {
    const at = context.currentTime + place * NOTE_SECONDS;
    const tone = new OscillatorNode(context, { type: "triangle", frequency });
    const volume = new GainNode(context, { gain: LOUDNESS });
    volume.gain.setValueAtTime(LOUDNESS, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + 1.8 * NOTE_SECONDS);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + 2 * NOTE_SECONDS);
  });
}

async function toggle() {
  context ??= new AudioContext();
  await (sounds() ? context.suspend() : context.resume());
  play("joined");
  app.draw();
}

/** The button that lets it sound, or be mute. */
export function soundButton() {
  if (!("AudioContext" in window)) return null;
  return h("button", { class: "button small", type: "button", name: "sound", "aria-pressed": String(!!sounds()), onclick: toggle },
    h("span", { "aria-hidden": "true" }, sounds() ? "🔊" : "🔇"), t("screen.sound"));
}
