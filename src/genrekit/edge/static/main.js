// The page that listens in the browser: the server's page, with answers from this device.

import { ready } from "./api.js";
import * as batch from "./batch.js";
import * as model from "./model.js";
import { open, wireDrop, wireTabs, wireTheme } from "./shell.js";
import * as track from "./track.js";

const $ = (id) => document.getElementById(id);

function taken(files) {
  if (files.length === 1 && $("panel-batch").hidden) {
    open("track");
    track.analyse(files[0]);
  } else {
    open("batch");
    batch.add(files);
  }
}

wireTheme();
wireTabs();
wireDrop(taken);
track.wire();
batch.wire();
await model.load();
// Only over https, and on this machine, may a page be kept; elsewhere it works without.
navigator.serviceWorker?.register("sw.js").catch(() => {});
ready().catch(() => {}); // what is wrong is said when somebody asks
