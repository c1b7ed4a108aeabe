// The colors of a dark page: nobody else loads them.

export { default as dark } from "./dark.css";
