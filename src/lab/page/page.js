"use strict";
const holder = document.getElementById("document");
const pre = document.createElement("pre");
pre.textContent = JSON.stringify(JSON.parse(holder.textContent), null, 2);
document.getElementById("report").append(pre);
