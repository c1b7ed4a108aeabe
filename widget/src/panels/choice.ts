// A choice about a late parcel: first what it means, then, once it is made, what happens next.

import type { Frame } from "../frame";

interface Choice {
  meaning: string;
  button: string;
  after: string;
}

export async function askChoice(frame: Frame, answer: string, place: HTMLElement): Promise<void> {
  const choice = await frame.call<Choice>("answers", { answer });
  const take = async () => {
    const { after } = await frame.call<Choice>("answers", { answer, sure: true });
    frame.fill(place, frame.h("p.good", null, after));
  };
  frame.fill(place, frame.h("p", null, choice.meaning), frame.press(choice.button, take, ".primary"));
}
