/* Answers and names for bots, from the files that the bots of the command line read, too: votegame/bots/bank.py. */

const LANGUAGES = ["en", "de"];
const SUFFIX = " (bot)";

async function lines(name) {
  try {
    const answer = await fetch(new URL(name, import.meta.url));
    if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
    return (await answer.text()).split("\n").filter((line) => line && !line.startsWith("#"));
  } catch (error) {
    throw Object.assign(error, { code: "offline" });
  }
}

/** The bank in this language (a tag, as in `de-AT`), or in English when there is none in it. */
export function answers(language) {
  const spoken = language.toLowerCase().split("-")[0];
  return lines(`answers.${LANGUAGES.includes(spoken) ? spoken : "en"}.txt`);
}

export const names = () => lines("names.txt");

/** The name of the bot with this number, counted from 0. */
export function nameOf(known, number) {
  const again = Math.floor(number / known.length);
  return `${known[number % known.length]}${again ? ` ${again + 1}` : ""}${SUFFIX}`;
}

/** Whether somebody of this name is a bot, be it another page's, or that of a command line. */
export const isBotName = (name) => name.endsWith(SUFFIX);

/** What all bots of a page draw from: no card comes twice before all have come. */
export class Deck {
  #cards = new Map();

  async draw(language) {
    const bank = this.#cards.get(language)?.length ? null : await answers(language);
    // Another bot may have drawn meanwhile, from cards of its own asking.
    if (!this.#cards.get(language)?.length) this.#cards.set(language, shuffled(bank));
    return this.#cards.get(language).pop();
  }
}

function shuffled(cards) {
  for (let last = cards.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [cards[last], cards[other]] = [cards[other], cards[last]];
  }
  return cards;
}
