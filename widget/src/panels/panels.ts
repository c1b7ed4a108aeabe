// Everything a shopper may do beyond looking, in one file: in a file each, all of them together would weigh more.

export { open } from "./back";
export { askChoice } from "./choice";
export { askMail } from "./links";
export { default as css } from "./panels.css";
export { apologize, recover } from "./recover";
export { comeBack, resume } from "./resume";
export { askSignIn } from "./enter";
export { askMessage } from "./talk";
