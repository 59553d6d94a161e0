/** Starts the studio in the page. */

import { mount } from "svelte";

import App from "./App.svelte";
import { pageNamed } from "./pages/pages";
import { route } from "./router/route.svelte";
import "./styles/tokens.css";
import "./styles/page.css";

const target = document.getElementById("studio");
if (!target) throw new Error("The page has no place for the studio.");
// Its file is on its way while the frame is made; that it cannot be had says the frame.
pageNamed(route.at.page)
  ?.load()
  .catch(() => undefined);
target.replaceChildren();
mount(App, { target });
