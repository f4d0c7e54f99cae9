"use strict";
// What was just done, or went wrong, is read out first.
document.querySelector("[data-focus]")?.focus();

// The picture stays where a chart cannot be drawn. `ast`: expressions are interpreted, so that no text becomes code.
const place = document.getElementById("chart");

async function draw() {
  place.hidden = false;
  const narrow = place.clientWidth < 600 ? "?narrow" : "";
  place.hidden = true;
  const answer = await fetch(place.dataset.definition + narrow, { credentials: "same-origin" });
  if (!answer.ok) return;
  const options = { ast: true, actions: false, renderer: "svg", defaultStyle: false, tooltip: { disableDefaultStyle: true } };
  const definition = await answer.json();
  place.hidden = false;
  try {
    await vegaEmbed(place, definition, options);
    document.getElementById("picture").hidden = true;
  } catch (error) {
    place.hidden = true;
    console.error(error);
  }
}

if (place && window.vegaEmbed) draw();
