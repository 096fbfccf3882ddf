// The page of the server: each tab with what it does.

import * as batch from "./batch.js";
import * as live from "./live.js";
import * as model from "./model.js";
import * as piles from "./piles.js";
import { open, wireDrop, wireTabs, wireTheme } from "./shell.js";
import * as track from "./track.js";

const $ = (id) => document.getElementById(id);

function taken(files, target) {
  if (!$("panel-piles").hidden) {
    piles.dropped(files, target);
  } else if (files.length === 1 && $("panel-batch").hidden) {
    open("track");
    track.analyse(files[0]);
  } else {
    open("batch");
    batch.add(files);
  }
}

addEventListener("tabchange", ({ detail }) => detail === "live" || live.end());
wireTheme();
wireTabs();
wireDrop(taken);
track.wire();
live.wire();
batch.wire();
piles.wire();
model.load().then(track.lookForIndex).then(track.offerDemos);
