// Photos of what came: sent one by one as they are chosen, so that a mailed code is asked for before the first.

import type { Field } from "../form";
import type { Frame } from "../frame";
import type { Draft } from "./draft";
import { counter } from "./format";

const KINDS = "image/jpeg,image/png,image/webp";

export function askPhotos(
  frame: Frame,
  draft: Draft,
  order: string,
  wanted: number,
): { box: HTMLElement; field: Field } {
  const { say, h } = frame;
  const count = counter(frame);
  const list = h("ul.lines");
  const draw = () => {
    const rows = draft.photos.map((photo) => {
      const drop = () => {
        draft.photos = draft.photos.filter((one) => one !== photo);
        draw();
        field.input.focus();
      };
      const remove = frame.press(say("Remove"), drop, ".plain");
      remove.setAttribute("aria-label", say("Remove %(name)s", { name: photo.name }));
      return h("li", null, h("bdi", null, photo.name), remove);
    });
    frame.fill(list, rows);
    list.dispatchEvent(new Event("input", { bubbles: true })); // the draft is kept with its photos
  };
  const send = async () => {
    const files = [...(field.input.files ?? [])];
    field.input.value = "";
    field.fail("");
    try {
      for (const file of files) {
        const { id } = await frame.call<{ id: string }>(`photos?order=${order}`, file);
        draft.photos.push({ id, name: file.name });
        draw();
      }
    } catch (error) {
      if (error instanceof frame.Failure) field.fail(error.message);
    }
  };
  const label = count("Add %(n)s photo", "Add %(n)s photos", wanted);
  const field = frame.field(label, { type: "file", accept: KINDS, multiple: true, change: () => void send() });
  draw();
  return { box: h("div.choices", null, field.box, list), field };
}
