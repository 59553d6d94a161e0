/** Starts the studio in the page. */

import { mount } from "svelte";

import App from "./App.svelte";
import "./styles/tokens.css";
import "./styles/page.css";

const target = document.getElementById("studio");
if (!target) throw new Error("The page has no place for the studio.");
mount(App, { target });
