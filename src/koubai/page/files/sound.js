// A chart for the ear: every point a tone, high where the value is high.

const LOW = 110;
const OCTAVES = 3.5;
const LENGTH = 0.28;

/** Play places between 0 and 1, one after the other. */
export function play(places) {
  const context = new AudioContext();
  places.forEach((place, i) => {
    const from = context.currentTime + 0.05 + i * LENGTH;
    const tone = context.createOscillator();
    const volume = context.createGain();
    tone.frequency.value = LOW * 2 ** (OCTAVES * Math.min(Math.max(place, 0), 1));
    volume.gain.setValueAtTime(0, from);
    volume.gain.linearRampToValueAtTime(0.2, from + 0.03);
    volume.gain.linearRampToValueAtTime(0, from + LENGTH * 0.95);
    tone.connect(volume).connect(context.destination);
    tone.start(from);
    tone.stop(from + LENGTH);
  });
  setTimeout(() => context.close(), 1000 * (places.length * LENGTH + 0.5));
}
