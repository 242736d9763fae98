// What is said, in the language that was chosen, and how numbers are written: as koubai.report.numbers does.

const texts = {};
let chosen = "en";

export const LANGUAGES = { en: "English", ja: "日本語" };
export const language = () => chosen;

/** Choose a language; its texts are loaded once. */
export async function speak(lang, load) {
  if (!(lang in texts)) texts[lang] = await load(lang);
  chosen = lang;
  document.documentElement.lang = lang;
}

export const known = (key) => key in texts[chosen];

/** The text of a key with its placeholders filled; {n:seed|seeds} is the word for a number. */
export function say(key, values = {}) {
  if (!known(key)) throw new Error(`no words for ${key}`);
  return texts[chosen][key].replace(/\{(\w+)(?::([^|}]*)\|([^}]*))?\}/g, (whole, name, one, many) => {
    if (!(name in values)) throw new Error(`${key}: no value for ${name}`);
    const value = values[name];
    if (one !== undefined) return value === 1 ? one : many;
    return typeof value === "number" || value === null ? written(name, value) : value;
  });
}

const SUPERSCRIPTS = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
export const raised = (exponent) => String(exponent).replace(/[-\d]/g, (letter) => SUPERSCRIPTS[letter]);

const shorn = (text) => (text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text);
const grouped = (text) => text.replace(/^\d+/, (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ","));

/** A number with `digits` significant digits; very large and small ones as a power of ten. */
export function number(x, digits = 3) {
  if (x === null || Number.isNaN(x)) return "–";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (x === 0) return "0";
  const sign = x < 0 ? "−" : "";
  const size = Math.abs(x);
  if (Number.isInteger(x) && size < 1e9) return sign + grouped(String(size));
  if (size < 1e-3 || size >= 1e6) {
    const [mantissa, exponent] = size.toExponential(digits - 1).split("e");
    const head = shorn(mantissa);
    const power = `10${raised(Number(exponent))}`;
    return sign + (head === "1" ? power : `${head}×${power}`);
  }
  const decimals = Math.max(digits - 1 - Math.floor(Math.log10(size)), 0);
  return sign + shorn(grouped(size.toFixed(decimals)));
}

/** A share in percent. */
export const percent = (x, decimals = 1) =>
  x === null || Number.isNaN(x) ? "–" : `${(100 * x).toFixed(decimals)}%`.replace("-", "−");

/** A fact as a sentence has it: what is called a share, or an accuracy, in percent. */
export const written = (name, value) => (/(accuracy|share)$/.test(name) ? percent(value) : number(value));
